namespace Ardir.Core;

/// <summary>
/// Rows of small pictures for an <see cref="HtmlReport"/>, each with a caption. Pictures are stored as PNG when they are added, so their
/// tensors may be disposed afterwards.
/// </summary>
/// <example><code>
/// var grid = new ImageGrid("Clean", "Adversarial", "Difference")
///     .Row(
///         "Sneaker",
///         (x[0], "Sneaker\n98 %"),
///         (adversarial[0], "Sandal\n71 %"),
///         (ImageGrid.Amplify(adversarial[0] - x[0], epsilon), "x5"));
/// </code></example>
public sealed class ImageGrid
{
    private readonly List<(string Label, IReadOnlyList<ImageGridCell> Cells)> _rows = [];

    /// <summary>Makes an empty grid.</summary>
    /// <param name="columns">Headings of the columns. Without any, the first row determines how many columns there are.</param>
    public ImageGrid(params string[] columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        Columns = [.. columns];
    }

    /// <summary>Headings of the columns.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>Size on the page of one image pixel, in CSS pixels.</summary>
    /// <value>null by default: the smallest whole number that makes a picture at least 96 CSS pixels wide.</value>
    /// <exception cref="ArgumentOutOfRangeException">Not positive.</exception>
    public int? PixelSize
    {
        get;
        init
        {
            if (value < 1) throw new ArgumentOutOfRangeException(nameof(PixelSize), value, "PixelSize must be at least 1.");
            field = value;
        }
    }

    /// <summary>Adds a row.</summary>
    /// <param name="label">Shown on its left; may be empty.</param>
    /// <param name="cells">
    /// Pictures [C,H,W] with C = 1 or 3 and values in [0,1], on any device, and the text under each (line breaks are kept).
    /// </param>
    /// <returns>This grid.</returns>
    /// <exception cref="ArgumentException">Not one cell per column, or a picture has another shape, dtype or range.</exception>
    public ImageGrid Row(string label, params (Tensor Picture, string Caption)[] cells)
    {
        ArgumentNullException.ThrowIfNull(label);
        ArgumentNullException.ThrowIfNull(cells);
        var expected = Columns.Count > 0 ? Columns.Count : _rows.Count > 0 ? _rows[0].Cells.Count : cells.Length;
        if (cells.Length == 0 || cells.Length != expected)
        {
            throw new ArgumentException(
                $"Row '{label}' has {cells.Length} cells; expected {Math.Max(expected, 1)}, one per column.", nameof(cells));
        }
        _rows.Add((label, [.. cells.Select(cell => ImageGridCell.Of(cell.Picture, cell.Caption))]));
        return this;
    }

    /// <summary>
    /// Makes a perturbation visible: 1/2 + perturbation / (2 epsilon), clamped to [0,1], so that mid-grey means "unchanged" and black and
    /// white are the ends of an Linf ball.
    /// </summary>
    /// <param name="perturbation">Adversarial minus clean image, any shape.</param>
    /// <param name="epsilon">The perturbation shown as black or white, in [0,1] pixel units; positive.</param>
    /// <returns>A tensor of the same shape, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Epsilon is not positive or not finite.</exception>
    public static Tensor Amplify(Tensor perturbation, double epsilon)
    {
        TensorGuard.Floating(perturbation);
        if (!(epsilon > 0 && double.IsFinite(epsilon)))
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "epsilon must be a positive finite number.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return (perturbation * (0.5 / epsilon) + 0.5).clamp_(0, 1).MoveToOuterDisposeScope();
    }

    internal IReadOnlyList<(string Label, IReadOnlyList<ImageGridCell> Cells)> Rows => _rows;
}
