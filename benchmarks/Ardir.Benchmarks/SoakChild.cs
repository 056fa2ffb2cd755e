using System.Text.Json;
using Ardir.Tests;

namespace Ardir.Benchmarks;

/// <summary>The process that is put under pressure: <c>soak-child SECONDS FILE</c> writes its counts to a file as it goes, so that they outlive it.</summary>
internal static class SoakChild
{
    private const string AsItCame = "without-remedy";

    public static int Run(string[] args) => args is [_, _, AsItCame] ? RunAsItCame(args[..2]) : Soak(args);

    private static int Soak(string[] args)
    {
        set_num_threads(1);
        var folder = Directory.CreateTempSubdirectory("ardir-soak-").FullName;
        try
        {
            Ardir.Tests.Soak.Run(TimeSpan.FromSeconds(double.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture)), folder, report => Write(args[1], report));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return 0;
    }

    private static void Write(string file, SoakReport report)
    {
        File.WriteAllText(file + ".new", JsonSerializer.Serialize(report));
        File.Move(file + ".new", file, overwrite: true);
    }

    private static int RunAsItCame(string[] args) => (int)AsItCameContext.Call(typeof(SoakChild), nameof(Soak), [args])!;
}
