using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Several attacks in a row, worst case per sample: each starts from the clean image and sees only samples that the ones before it did not break.
/// </summary>
public sealed class WorstCaseAttack : IAttack
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
            throw new ArgumentException($"The attacks have different threat models ({string.Join(", ", attacks.Select(attack => attack.Threat).Distinct())}); a worst case over them means nothing.", nameof(attacks));
        (Name, _attacks) = (name, [.. attacks]);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public ThreatModel Threat => _attacks[0].Threat;

    /// <inheritdoc/>
    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        context ??= new AttackContext();
        if (_attacks.Length == 1) return _attacks[0].Perturb(model, images, labels, context);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var collections = new BlockingCollections();
        using var evaluation = context.KeepModelMode ? null : new EvaluationModeScope(model);
        // A copy: an attack that is not ours may hand the caller's own images back.
        var result = _attacks[0].Perturb(model, images, labels, context).clone();
        var rows = arange(images.shape[0], device: images.device);
        foreach (var attack in _attacks.AsSpan(1))
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var (points, goal) = (result[rows], context.Targets?[rows]);
            var predicted = Predictions.Of(ModelOracle.Call(model, points));
            var resists = goal is null ? predicted == labels[rows] : predicted != goal;
            rows = rows[resists];
            if (rows.numel() == 0) break;
            long[] numbers = [.. HostRead.Array<long>(rows).Select(row => context.SampleIndices?[(int)row] ?? row)];
            result.index_copy_(0, rows, attack.Perturb(model, images[rows], labels[rows], context with { SampleIndices = numbers, Targets = context.Targets?[rows] }));
        }
        return result.MoveToOuterDisposeScope();
    }

    internal IReadOnlyList<IAttack> Attacks => _attacks;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} [{string.Join("; ", _attacks.Select(attack => attack.ToString()))}]";
}
