using System.Runtime.CompilerServices;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Checks of attack options; each names the option, its value and what was expected.</summary>
internal static class OptionGuard
{
    public static void StepSize(double? value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value is { } step && !(double.IsFinite(step) && step > 0))
            throw new ArgumentOutOfRangeException(name, step, $"{name} must be a positive finite number in the units of the inputs.");
    }

    public static void Positive(int value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value < 1) throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 1.");
    }

    public static void Share(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!(value > 0 && value < 1))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be greater than 0 and less than 1.");
    }

    /// <summary>Refuses threat models other than norm balls.</summary>
    public static void NormBall(ThreatModel threat, string attack)
    {
        if (threat is NormThreatModel) return;
        throw new ArgumentException(
            $"{attack} has formulas for the norm balls ThreatModel.Linf, L2 and L1 only, but the threat model is {threat}. Use " +
            "PgdAttack, ApgdAttack, MiFgsmAttack or FgsmAttack, which work with every threat model.",
            nameof(threat));
    }

    public static void OnlyL2(ThreatModel threat, string attack)
    {
        NormBall(threat, attack);
        if (threat is not NormThreatModel { Norm: PerturbationNorm.L2 })
        {
            throw new ArgumentException(
                $"{attack} minimises the L2 norm, but the threat model is {threat}. Use ThreatModel.L2, or FabAttack, which minimises " +
                "any of the norms.",
                nameof(threat));
        }
    }

    public static void Start(
        RandomStart start, IAttackLoss loss,
        [CallerArgumentExpression(nameof(start))] string? startName = null,
        [CallerArgumentExpression(nameof(loss))] string? lossName = null)
    {
        if (!Enum.IsDefined(start)) throw new ArgumentOutOfRangeException(startName, start, "Unknown random start.");
        ArgumentNullException.ThrowIfNull(loss, lossName);
        if (start == RandomStart.None && ReferenceEquals(loss, AttackLoss.KlToClean))
        {
            throw new ArgumentException(
                "The gradient of KL to the clean output is exactly zero at the clean image; choose a random start such as " +
                "RandomStart.Gaussian.",
                startName);
        }
    }
}
