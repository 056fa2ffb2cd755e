namespace Ardir.Attacks;

/// <summary>Which ensemble (Croce and Hein 2020).</summary>
public enum AutoAttackVersion
{
    /// <summary>APGD-CE, targeted APGD, targeted FAB, Square: the version that published benchmarks report. For L1, APGD has five
    /// restarts and the large-radii schedule, and targeted APGD five targets.</summary>
    Standard,

    /// <summary>APGD-CE and APGD-DLR with five restarts, FAB with five restarts, Square, targeted APGD, targeted FAB.</summary>
    Plus,

    /// <summary>For randomised defences: APGD-CE and APGD-DLR with gradients averaged over 20 forward passes.</summary>
    Rand,

    /// <summary>The attacks in <see cref="AutoAttackOptions.Attacks"/>.</summary>
    Custom,

    /// <summary>The attacks of <see cref="Standard"/>, but Square, which costs most and rarely finds anything on models that do not mask
    /// their gradients, first runs on a random sample of the survivors. If it breaks one of them, it runs on all. So the result differs
    /// from the standard one at most by images that Square alone would have broken; <see cref="AutoAttackOptions.FastBound"/> limits how
    /// many, and <see cref="RobustnessReport.SquareSample"/> says it.</summary>
    Fast,
}
