using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Ardir.Samples;

/// <summary>
/// Options that check their values while they are parsed, so that nothing begins with wrong ones, and say so by their own names.
/// </summary>
internal static class Options
{
    public static Option<int> Whole(string name, string description, int standard, int least = 1) => new(name)
    {
        Description = description, DefaultValueFactory = _ => standard, CustomParser = result => Whole(result, least),
    };

    public static Option<int?> WholeOrNone(string name, string description) => new(name)
    {
        Description = description, CustomParser = result => Whole(result, least: 1),
    };

    public static Option<ulong> Seed(ulong standard) => new("--seed")
    {
        Description = "Root of all random numbers", DefaultValueFactory = _ => standard,
        CustomParser = result => ulong.TryParse(Text(result), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value : Wrong(result, $"a whole number from 0 to {ulong.MaxValue}", 0UL),
    };

    /// <summary>A number between two others, both allowed.</summary>
    public static Option<double> Share(string name, string description, double standard) => new(name)
    {
        Description = description, DefaultValueFactory = _ => standard,
        CustomParser = result => Numbers.TryParse(Text(result), out var value) && value is >= 0 and <= 1
            ? value : Wrong(result, "a number from 0 to 1", 0.0),
    };

    public static Option<double> Budget(string name, string description) => new(name)
    {
        Description = description, CustomParser = result => Budget(result, Text(result)),
    };

    public static Option<double[]> Budgets(string name, string description) => new(name)
    {
        Description = description, AllowMultipleArgumentsPerToken = true,
        CustomParser = result => [.. result.Tokens.Select(token => Budget(result, token.Value))],
    };

    /// <summary>One of a few words; System.CommandLine itself takes any number for an enum.</summary>
    public static Option<T> Choice<T>(string name, string description, T standard, params (string Word, T Value)[] choices)
    {
        var words = string.Join(", ", choices.SkipLast(1).Select(choice => choice.Word)) + " or " + choices[^1].Word;
        return new Option<T>(name)
        {
            Description = $"{description}: {words}",
            HelpName = string.Join('|', choices.Select(choice => choice.Word)),
            DefaultValueFactory = _ => standard,
            CustomParser = result =>
            {
                var found = Array.FindIndex(choices, choice => choice.Word.Equals(Text(result), StringComparison.OrdinalIgnoreCase));
                return found >= 0 ? choices[found].Value : Wrong(result, words, standard);
            },
        };
    }

    public static Option<string> Device() => new("--device")
    {
        Description = "cpu, cuda or cuda:1", DefaultValueFactory = _ => "cpu",
        CustomParser = result => ComputeDevice.IsName(Text(result)) ? Text(result) : Wrong(result, "cpu, cuda or cuda:1", "cpu"),
    };

    public static Option<bool> Mpi() => new("--mpi")
    {
        Description = "Several processes share the work: start the command by mpirun or srun",
    };

    public static Option<string> Output(string description, string standard) => new("--output")
    {
        Description = description, DefaultValueFactory = _ => standard,
        CustomParser = result => string.IsNullOrWhiteSpace(Text(result)) ? Wrong(result, "the path of a folder", standard) : Text(result),
    };

    /// <summary>A folder that exists.</summary>
    public static Option<string?> Folder(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result => Directory.Exists(Text(result))
            ? Path.GetFullPath(Text(result))
            : Wrong(result, "a folder that exists", ""),
    };

    /// <summary>Height and width of pictures: 32, or 32x48.</summary>
    public static Option<(int Height, int Width)?> Size() => new("--size")
    {
        Description = "For a folder of pictures: resizes them all to HEIGHTxWIDTH, for example 32x32",
        CustomParser = result =>
        {
            var sides = Text(result).Split('x').Select(Pixels).ToArray();
            return sides is [> 0] or [> 0, > 0]
                ? (sides[0], sides[^1])
                : Wrong<(int, int)?>(result, "HEIGHTxWIDTH, for example 32x32", null);
        },
    };

    private static string Text(ArgumentResult result) => result.Tokens.Count == 1 ? result.Tokens[0].Value : "";

    private static int Pixels(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var pixels) ? pixels : 0;

    private static int Whole(ArgumentResult result, int least) =>
        int.TryParse(Text(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least
            ? value
            : Wrong(result, $"a whole number of at least {least}", least);

    private static double Budget(ArgumentResult result, string text) =>
        Numbers.TryParse(text, out var value) && value > 0
            ? value
            : Wrong(result, text, "a positive number of pixel units in [0,1], for example 8/255 or 0.1", 0.0);

    private static T Wrong<T>(ArgumentResult result, string expected, T instead) => Wrong(result, Text(result), expected, instead);

    private static T Wrong<T>(ArgumentResult result, string text, string expected, T instead)
    {
        var name = (result.Parent as OptionResult)?.IdentifierToken?.Value ?? result.Argument.Name;
        result.AddError($"{name} is '{text}'; expected {expected}.");
        return instead;
    }
}
