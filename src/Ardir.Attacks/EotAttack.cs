using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Expectation over transformation (Athalye et al. 2018) around any attack, for models that are random: wherever the attack asks for a
/// gradient, it gets the mean of several, each from a forward and a backward pass of its own. Loss and logits are those of the last
/// pass, as in the code of AutoAttack; Square, which needs no gradient, takes the mean of loss and logits instead.
/// </summary>
/// <example><code>IAttack attack = new EotAttack(new PgdAttack(threat, new PgdOptions { Steps = 20 }), samples: 10);</code></example>
public sealed class EotAttack : ICompositeAttack, IStatesIdentity
{
    private readonly IAttack _attack;
    private readonly int _samples;

    /// <summary>Wraps an attack.</summary>
    /// <param name="attack">Derives from <see cref="Ardir.Attacks.Attack"/>, or consists of attacks that do. FAB and DeepFool compare the
    /// gradients of several classes and refuse to run; FAB-T has the same search with one gradient.</param>
    /// <param name="samples">Passes per gradient, at least 1; AutoAttack's "rand" version uses 20.</param>
    /// <exception cref="ArgumentException">The attack calls the model by itself, or the number is below 1.</exception>
    public EotAttack(IAttack attack, int samples)
    {
        ArgumentNullException.ThrowIfNull(attack);
        OptionGuard.Positive(samples);
        if (Unaware(attack) is { } other)
        {
            throw new ArgumentException(
                $"{other.Name} is no {nameof(Attack)} and calls the model by itself, so its gradients cannot be averaged. Derive it from " +
                $"{nameof(Attack)} and ask the run for gradients.",
                nameof(attack));
        }
        (_attack, _samples) = (attack, samples);
    }

    /// <summary>For example <c>EoT10-PGD-20</c>.</summary>
    public string Name => AttackRun.NameWith(_samples, _attack.Name);

    /// <inheritdoc/>
    public ThreatModel Threat => _attack.Threat;

    /// <inheritdoc/>
    public bool CoversThreat => _attack.CoversThreat;

    IReadOnlyList<IAttack> ICompositeAttack.Attacks => [_attack];

    IReadOnlyList<object?>? IStatesIdentity.IdentityParts => ["EoT", _samples, _attack];

    /// <inheritdoc/>
    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) =>
        _attack.Perturb(model, images, labels, Within(context ?? new AttackContext()));

    /// <summary>Passes per gradient and the attack.</summary>
    /// <returns>For example <c>EoT10 of PGD-20 Linf(0.03) ...</c>.</returns>
    public override string ToString() => $"EoT{_samples} of {_attack}";

    /// <summary>The innermost attack and how many passes its gradients are the mean of: an ensemble takes the units of an attack apart
    /// whether or not it is wrapped.</summary>
    internal static (IAttack Attack, int Samples) Unwrap(IAttack attack)
    {
        if (attack is not EotAttack eot) return (attack, 1);
        var (inner, samples) = Unwrap(eot._attack);
        return (inner, samples * eot._samples);
    }

    private AttackContext Within(AttackContext context) => context with { EotSamples = context.EotSamples * _samples };

    // Only a run knows of the samples, so an attack that calls the model itself would silently ignore them.
    private static IAttack? Unaware(IAttack attack) => attack switch
    {
        ICompositeAttack composite => composite.Attacks.Select(Unaware).FirstOrDefault(other => other is not null),
        Attack => null,
        _ => attack,
    };
}
