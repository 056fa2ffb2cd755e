using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ardir.Samples;

/// <summary>
/// The name and the state of a job, in the room that the bar and its percentage leave: those keep their widths, or digits would stand one
/// below the other.
/// </summary>
internal sealed class StateColumn : ProgressColumn
{
    public const int BarWidth = 10;

    // The bar, a percentage, a spinner, and the blanks between columns.
    private const int Others = BarWidth + 4 + 1 + 4;
    private const int Least = 10;

    protected override bool NoWrap => true;

    public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
        new Markup(task.Description) { Overflow = Overflow.Crop, Justification = Justify.Left };

    public override int? GetColumnWidth(RenderOptions options) => Room(options.ConsoleSize.Width);

    /// <summary>Letters of name and state that fit on a screen.</summary>
    public static int Room(int width) => Math.Max(width - Others, Least);
}
