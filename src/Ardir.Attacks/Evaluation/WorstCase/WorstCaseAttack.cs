using Ardir.Core;
using Microsoft.Extensions.Logging;

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
        return NativeCallGuard.OfProcess.Run(
            context.Logger,
            () => _attacks.Length == 1
                ? _attacks[0].Perturb(model, images, labels, context)
                : WorstCase(model, images, labels, context));
    }

    private Tensor WorstCase(IModule model, Tensor images, Tensor labels, AttackContext context)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var evaluation = context.KeepModelMode ? null : new EvaluationModeScope(model);
        // Without notes of the caller the chain keeps its own and logs one warning at the end, because an attack that is stuck is no
        // reason to warn when a later one breaks the sample.
        var own = context.Notes is null && context.Soundness is null ? new AttackNotes { CountsNan = false } : null;
        var result = Chain(model, images, labels, own is null ? context : context with { Notes = own });
        if (own is not null) TellZeroGradients(own, model, result, labels, context);
        return result.MoveToOuterDisposeScope();
    }

    private Tensor Chain(IModule model, Tensor images, Tensor labels, AttackContext context)
    {
        var result = Try(_attacks[0], model, images, labels, context, out var without);
        // A copy, because a third-party attack may return the caller's own images, which must not be overwritten below.
        var all = (result ?? images.detach()).clone();
        var (searched, rows) = (result is not null, arange(images.shape[0], device: images.device));
        foreach (var attack in _attacks.AsSpan(1))
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            rows = rows[IsBroken(model, all[rows], labels[rows], context.Targets?[rows]).logical_not()];
            if (rows.numel() == 0) break;
            long[] numbers = [.. HostRead.Array<long>(rows).Select(row => context.SampleIndices?[(int)row] ?? row)];
            var part = context with { SampleIndices = numbers, Targets = context.Targets?[rows] };
            var found = Try(attack, model, images[rows], labels[rows], part, out var other);
            if (found is not null) all.index_copy_(0, rows, found);
            (searched, without) = (searched || found is not null, without ?? other);
        }
        return searched ? all : throw without!;
    }

    /// <summary>Null when no gradient flows through the model; the other attacks may not need one.</summary>
    private static Tensor? Try(
        IAttack attack, IModule model, Tensor images, Tensor labels, AttackContext context, out GradientException? without)
    {
        without = null;
        try
        {
            return AttackAnswer.Check(attack, attack.Perturb(model, images, labels, context), images);
        }
        catch (GradientException e)
        {
            without = e;
            if (context.Notes is { CountsNan: true } evaluation) evaluation.WithoutGradient.Add(attack.Name);
            else EvaluationLog.WithoutGradient(context.Logger, attack.Name, e.Message);
            return null;
        }
    }

    private static Tensor IsBroken(IModule model, Tensor points, Tensor labels, Tensor? targets) =>
        Verdict.IsBroken(ModelCall.Of(model, points), labels, targets);

    private void TellZeroGradients(AttackNotes notes, IModule model, Tensor found, Tensor labels, AttackContext context)
    {
        if (notes.ZeroGradients.Count == 0 || !context.Logger.IsEnabled(LogLevel.Warning)) return;
        bool IsStuck(long position) => notes.IsStuck(context.SampleIndices?[(int)position] ?? position);
        long[] positions = [.. Enumerable.Range(0, (int)found.shape[0]).Select(i => (long)i).Where(IsStuck)];
        if (positions.Length == 0) return;
        var rows = tensor(positions, device: found.device);
        var unbroken = HostRead.Int64(IsBroken(model, found[rows], labels[rows], context.Targets?[rows]).logical_not().sum());
        if (unbroken > 0)
            AttackLog.ZeroGradient(context.Logger, Name, unbroken, found.shape[0], EvaluationTexts.ZeroGradientAdvice);
    }

    IReadOnlyList<IAttack> ICompositeAttack.Attacks => _attacks;

    IReadOnlyList<object?>? IStatesIdentity.IdentityParts => [Name, _attacks];

    /// <inheritdoc/>
    public override string ToString() => $"{Name} [{string.Join("; ", _attacks.Select(attack => attack.ToString()))}]";
}
