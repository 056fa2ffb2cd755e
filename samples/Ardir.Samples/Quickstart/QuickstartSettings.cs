using Ardir.Core;

namespace Ardir.Samples;

/// <summary>What the quickstart runs on and where it writes.</summary>
internal sealed record QuickstartSettings
{
    /// <summary>A folder with the four idx files of Fashion-MNIST (or MNIST); the images that come with the samples when null.</summary>
    public string? Data { get; init; }

    public required string Output { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <summary>Training images: so few that adversarial training overfits, as it does on all of CIFAR-10 in the papers.</summary>
    public int Images { get; init; } = 1000;

    /// <summary>Linf budget in pixel units: one at which so small a network can fit its adversarial training images.</summary>
    public double Epsilon { get; init; } = 0.03;

    /// <summary>Epochs of each network.</summary>
    public int Epochs { get; init; } = 30;

    /// <summary>Share of the feature distance in the loss of the ARDIR student.</summary>
    public double Beta { get; init; } = 0.6;

    public Device Device { get; init; } = CPU;

    public NormThreatModel Threat => ThreatModel.Linf(Epsilon);

    public string DataFolder => Data ?? Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist");
}
