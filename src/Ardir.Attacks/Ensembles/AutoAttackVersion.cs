namespace Ardir.Attacks;

/// <summary>Which ensemble (Croce and Hein 2020).</summary>
public enum AutoAttackVersion
{
    /// <summary>APGD-CE, targeted APGD, targeted FAB, Square: the benchmark number. L1: APGD with five restarts and the large-radii schedule, five targets.</summary>
    Standard,

    /// <summary>APGD-CE and APGD-DLR with five restarts, FAB with five restarts, Square, targeted APGD, targeted FAB.</summary>
    Plus,

    /// <summary>For randomised defences: APGD-CE and APGD-DLR with gradients averaged over 20 forward passes.</summary>
    Rand,

    /// <summary>The attacks in <see cref="AutoAttackOptions.Attacks"/>.</summary>
    Custom,
}
