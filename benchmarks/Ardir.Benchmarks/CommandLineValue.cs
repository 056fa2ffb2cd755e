using System.Globalization;

namespace Ardir.Benchmarks;

/// <summary>Options of the form --name value.</summary>
internal static class CommandLineValue
{
    public static string? Of(string[] args, string name) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;

    public static int Of(string[] args, string name, int otherwise) => Of(args, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
