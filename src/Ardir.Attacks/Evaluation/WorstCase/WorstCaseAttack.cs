using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Several attacks in a row, worst case per sample: each starts from the clean images and attacks only samples that the ones before it
/// did not break.
/// </summary>
public sealed class WorstCaseAttack : ICompositeAttack, IStatesIdentity
{
    private readonly IAttack[] _attacks;

    /// <summary>Creates the chain.</summary>
    /// <param name="name">Name for tables.</param>
    /// <param name="attacks">At least one, all with the same threat model, in the order to run; cheap ones first.</param>
    /// <exception cref="ArgumentException">There is none, or the threat models differ.</exception>
    public WorstCaseAttack(string name, params IAttack[] attacks)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(attacks);
        if (attacks.Length == 0) throw new ArgumentException("The chain is empty; pass at least one attack.", nameof(attacks));
        if (Array.IndexOf(attacks, null) >= 0) throw new ArgumentException("An attack is null.", nameof(attacks));
        if (attacks.Any(attack => attack.Threat != attacks[0].Threat))
            throw new ArgumentException(
                $"The attacks have different threat models ({string.Join(", ", attacks.Select(attack => attack.Threat).Distinct())}); " +
                "a worst case over them means nothing.", nameof(attacks));
        (Name, _attacks) = (name, [.. attacks]);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public ThreatModel Threat => _attacks[0].Threat;

    /// <inheritdoc/>
    public bool CoversThreat => _attacks.Any(attack => attack.CoversThreat);

    /// <inheritdoc/>
    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        context ??= new AttackContext();
        EnsembleThreat.CheckShape(_attacks, images);
        EnsembleThreat.CheckAveraging(_attacks, context.EotSamples);
        return TorchSharpRuntime.Run(
            context.Logger,
            // An attack of somebody else's may return anything, even the caller's own images.
            () => _attacks is [Attack or ICompositeAttack]
                ? _attacks[0].Perturb(model, images, labels, context)
                : WorstCase(model, images, labels, context));
    }

    private Tensor WorstCase(IModule model, Tensor images, Tensor labels, AttackContext context)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var evaluation = context.KeepModelMode ? null : new EvaluationModeScope(model);
        // Once for all attacks of the chain and for the passes between them.
        using var format = PassFormat.Enter(context.MemoryFormat, model, images);
        using var cheaper = PassScopes.Enter(context, model);
        context = context with { MemoryFormat = MemoryFormat.Contiguous };
        // Without notes of the caller the chain keeps its own and logs one warning at the end, because an attack that is stuck is no
        // reason to warn when a later one breaks the sample.
        var own = context.Notes is null && context.Diagnostics is null ? new AttackNotes { CountsNan = false } : null;
        using var guarded = new GuardedModel(model, own is null ? context : context with { Notes = own });
        try
        {
            var run = new WorstCaseRun(guarded, _attacks, images, labels);
            var result = run.Search();
            if (own is not null) run.WarnOfZeroGradients(own, result, Name);
            return result.MoveToOuterDisposeScope();
        }
        finally
        {
            AttackInstruments.Spent(this, activity: null, guarded);
        }
    }

    IReadOnlyList<IAttack> ICompositeAttack.Attacks => _attacks;

    IReadOnlyList<object?>? IStatesIdentity.IdentityParts => [Name, _attacks];

    /// <inheritdoc/>
    public override string ToString() => $"{Name} [{string.Join("; ", _attacks.Select(attack => attack.ToString()))}]";
}
