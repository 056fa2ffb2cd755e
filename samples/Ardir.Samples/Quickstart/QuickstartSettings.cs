namespace Ardir.Samples;

/// <summary>What the quickstart runs on and where it writes.</summary>
internal sealed record QuickstartSettings
{
    /// <summary>A folder with the four idx files of Fashion-MNIST (or MNIST); the images that come with the samples when null.</summary>
    public string? Data { get; init; }

    public required string Output { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <summary>Linf budget in pixel units: 0.1 is the usual one on Fashion-MNIST.</summary>
    public double Epsilon { get; init; } = 0.1;

    /// <summary>Epochs of the teacher and of the student.</summary>
    public int Epochs { get; init; } = 6;

    /// <summary>Share of the feature distance in the student's loss.</summary>
    public double Beta { get; init; } = 0.6;

    public Device Device { get; init; } = CPU;

    public string DataFolder => Data ?? Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist");
}
