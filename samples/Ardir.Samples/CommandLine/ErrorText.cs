using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Ardir.Samples;

/// <summary>Exceptions in the words of the command line: one line, and options by the names that they have here.</summary>
internal static partial class ErrorText
{
    private const string NativeStack = "Exception raised from";

    // The library speaks of its own options.
    private static readonly (string Library, string Here)[] _names =
    [
        ("ImageFolderOptions.Height and Width", "--size"), ("TrainerOptions.CheckpointDirectory", "--output"),
        ("CheckpointDirectory", "--output"), ("StatePath", "--output"), ("Epsilon", "--eps"),
        ("SecurityCurve", "--curve"), ("BatchSize", "--batch"), ("Epochs", "--epochs"), ("StateDictOptions.Strict", "--strict"),
        ("load it with torch.jit.load", "give it to evaluate with --torchscript"),
    ];

    /// <summary>What the user is told; the type as well for those exceptions whose messages were not written for users.</summary>
    public static string Of(Exception exception)
    {
        var message = exception switch
        {
            AggregateException { InnerException: { } inner } => Of(inner),
            TypeInitializationException { InnerException: { } inner } => Of(inner),
            ExternalException => $"libtorch: {exception.Message.Split(NativeStack)[0]}",
            IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException or NotSupportedException
                or FormatException or Ardir.Core.WeightFormatException or Ardir.Core.DataFormatException => exception.Message,
            OutOfMemoryException => "The memory is not enough.",
            _ => $"{exception.GetType().Name}: {exception.Message}",
        };
        message = Parameter().Replace(message, "");
        foreach (var (library, here) in _names) message = Word(library).Replace(message, here);
        return message;
    }

    /// <summary>Lines joined, and without the control characters that names from a file may hold to move the cursor.</summary>
    public static string OneLine(string text)
    {
        var lines = text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var joined = lines.Select((line, i) => i == 0 ? line : lines[i - 1][^1] is '.' or ':' or ';' or ',' ? $" {line}" : $"; {line}");
        return Printable(string.Concat(joined));
    }

    /// <summary>Text from a file, with a question mark for each control character.</summary>
    public static string Printable(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? '?' : letter));

    /// <summary>The same for text of several lines.</summary>
    public static string PrintableLines(string text) => string.Join('\n', text.Split('\n').Select(Printable));

    // Not within paths.
    private static Regex Word(string name) =>
        new($@"(?<![\w/\\.-]){Regex.Escape(name)}(?![\w/\\-])", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

    [GeneratedRegex(@" \(Parameter '[^']*'\)|\r?\nActual value was [^\r\n]*", RegexOptions.NonBacktracking)]
    private static partial Regex Parameter();
}
