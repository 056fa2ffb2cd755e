using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The norm ball within which images are attacked.</summary>
public sealed record ExperimentThreat
{
    /// <summary>The norm.</summary>
    /// <value><see cref="PerturbationNorm.Linf"/> by default.</value>
    public PerturbationNorm Norm { get; init; } = PerturbationNorm.Linf;

    /// <summary>Radius in pixel units, images being in [0,1]. The file may say <c>"8/255"</c>.</summary>
    public required double Epsilon { get; init; }

    internal NormThreatModel Create() => Norm switch
    {
        PerturbationNorm.Linf => ThreatModel.Linf(Epsilon),
        PerturbationNorm.L2 => ThreatModel.L2(Epsilon),
        _ => ThreatModel.L1(Epsilon),
    };
}
