using System.Runtime.CompilerServices;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Checks of attack options, for options of your own, too. Each message names the option, its value and what was
/// expected.</summary>
public static class OptionGuard
{
    /// <summary>A size of steps, in the units of the inputs.</summary>
    /// <param name="value">Greater than 0 and finite, or null for the default of the attack.</param>
    /// <param name="name">The option that the exception names; the expression of the value by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void StepSize(double? value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value is { } step && !(double.IsFinite(step) && step > 0))
            throw new ArgumentOutOfRangeException(name, step, $"{name} must be a positive finite number in units of [0,1] pixels.");
    }

    /// <summary>A number of steps, restarts, queries or classes.</summary>
    /// <param name="value">At least 1.</param>
    /// <param name="name">The option that the exception names; the expression of the value by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void Positive(int value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value < 1) throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 1.");
    }

    /// <summary>A share that can be neither nothing nor all.</summary>
    /// <param name="value">In (0,1).</param>
    /// <param name="name">The option that the exception names; the expression of the value by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void Share(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!(value > 0 && value < 1))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be greater than 0 and less than 1.");
    }

    /// <summary>Refuses threat models other than norm balls, for attacks with formulas for those only.</summary>
    /// <param name="threat">The threat model.</param>
    /// <param name="attack">Name of the attack, for the message.</param>
    /// <exception cref="ArgumentException">It is another one; the message names attacks that work with it.</exception>
    public static void NormBall(ThreatModel threat, string attack)
    {
        ArgumentNullException.ThrowIfNull(threat);
        if (threat is NormThreatModel) return;
        throw new ArgumentException(
            $"{attack} has formulas for the norm balls ThreatModel.Linf, L2 and L1 only, but the threat model is {threat}. Use " +
            "PgdAttack, ApgdAttack, MiFgsmAttack or FgsmAttack, which work with every threat model.",
            nameof(threat));
    }

    /// <summary>Refuses threat models other than L2 balls, for attacks that minimise the L2 norm.</summary>
    /// <param name="threat">The threat model.</param>
    /// <param name="attack">Name of the attack, for the message.</param>
    /// <exception cref="ArgumentException">It is another one.</exception>
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

    /// <summary>A random start and the loss that is climbed from it: KL to the clean output has no gradient at the clean image.</summary>
    /// <param name="start">The start.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="startName">The option that an exception names; the expression of the start by default.</param>
    /// <param name="lossName">Likewise for the loss.</param>
    /// <exception cref="ArgumentException">The start is unknown, the loss is null, or they do not go together.</exception>
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
