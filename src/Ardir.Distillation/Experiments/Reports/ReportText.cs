using System.Globalization;

namespace Ardir.Distillation;

/// <summary>Numbers as the report writes them. Shares of the code are percent in the text.</summary>
internal static class ReportText
{
    public const string None = "–";
    public const string Diverged = "diverged";

    public static string Percent(double? share) => share is { } value && double.IsFinite(value)
        ? (100 * value).ToString("F1", CultureInfo.InvariantCulture)
        : None;

    /// <summary>"50.1 ± 0.4", or "50.1" for a single seed.</summary>
    public static string Spread(SampleStatistics? statistics) => statistics is null ? None
        : statistics.StandardDeviation is { } deviation ? $"{Percent(statistics.Mean)} ± {Percent(deviation)}" : Percent(statistics.Mean);

    public static string Number(double value, string format = "0.####") => value.ToString(format, CultureInfo.InvariantCulture);

    public static string Whole(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>"1 run", "2 runs".</summary>
    public static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{Whole(count)} {noun}s";

    /// <summary>A radius or step in pixel units: "0.05", or "8/255" where decimals would be endless.</summary>
    public static string Pixels(double value)
    {
        var isShort = Math.Abs(Math.Round(value, 4) - value) < 1e-12;
        var steps = Math.Round(value * 255);
        return isShort || Math.Abs(value * 255 - steps) > 1e-9 ? Number(value) : $"{Number(steps)}/255";
    }

    public static string Name(KeptWeights weights) => weights switch
    {
        KeptWeights.Best => "best epoch", KeptWeights.Last => "last epoch", _ => "average",
    };

    public static string Name(ExperimentDataset dataset) => dataset switch
    {
        ExperimentDataset.Cifar10 => "CIFAR-10", ExperimentDataset.Svhn => "SVHN", _ => "Fashion-MNIST",
    };
}
