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
}
