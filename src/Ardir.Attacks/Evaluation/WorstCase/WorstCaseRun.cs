using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

/// <summary>One run of a chain of attacks.</summary>
/// <param name="model">Counts the passes of the chain and of its attacks; its context is that of the chain.</param>
/// <param name="attacks">In the order to run.</param>
/// <param name="images">Clean images, [N,C,H,W].</param>
/// <param name="labels">True classes, int64 [N].</param>
internal sealed class WorstCaseRun(GuardedModel model, IReadOnlyList<IAttack> attacks, Tensor images, Tensor labels)
{
    private GradientException? _without;
    private bool _searched;

    private AttackContext Context => model.Context;

    /// <summary>The worst case over all attacks, [N,C,H,W].</summary>
    /// <exception cref="GradientException">No attack could search, because no gradient flows through the model.</exception>
    public Tensor Search()
    {
        model.Begin(images);
        // A copy, because a third-party attack may return the caller's own images, which must not be overwritten below.
        var all = (Try(attacks[0], images, labels, Context) ?? images.detach()).clone();
        var rows = arange(images.shape[0], device: images.device);
        foreach (var attack in attacks.Skip(1))
        {
            rows = rows[IsBroken(all, rows).logical_not()];
            if (rows.numel() == 0) break;
            long[] numbers = [.. HostRead.Array<long>(rows).Select(Number)];
            var part = Context with { SampleIndices = numbers, Targets = Context.Targets?[rows] };
            if (Try(attack, images[rows], labels[rows], part) is { } found) all.index_copy_(0, rows, found);
        }
        model.EnsureSound();
        return _searched ? all : throw _without!;
    }

    /// <summary>Logs how many images stayed unbroken although every attack on them met a gradient of exactly zero.</summary>
    public void WarnOfZeroGradients(AttackNotes notes, Tensor found, string name)
    {
        if (notes.ZeroGradients.Count == 0 || !Context.Logger.IsEnabled(LogLevel.Warning)) return;
        long[] positions =
            [.. Enumerable.Range(0, (int)found.shape[0]).Select(i => (long)i).Where(row => notes.StoppedByZeroGradient(Number(row)))];
        if (positions.Length == 0) return;
        var unbroken = HostRead.Int64(IsBroken(found, tensor(positions, device: found.device)).logical_not().sum());
        if (unbroken > 0) AttackLog.ZeroGradient(Context.Logger, name, unbroken, found.shape[0], EvaluationTexts.ZeroGradientAdvice);
    }

    private long Number(long row) => Context.SampleIndices?[(int)row] ?? row;

    private Tensor IsBroken(Tensor points, Tensor rows) =>
        Verdict.Judge(model, attacks[0].Threat, images[rows], points[rows], (labels[rows], Context.Targets?[rows])).Broken;

    /// <summary>Null when no gradient flows through the model; the other attacks may not need one.</summary>
    private Tensor? Try(IAttack attack, Tensor part, Tensor itsLabels, AttackContext context)
    {
        try
        {
            // Copies for an attack of somebody else's, which may change or dispose what it is given.
            var (given, givenLabels) = attack is Attack or ICompositeAttack ? (part, itsLabels) : (part.clone(), itsLabels.clone());
            var found = AttackAnswer.Check(attack, attack.Perturb(model.AsModule, given, givenLabels, context), part);
            _searched = true;
            return found;
        }
        catch (GradientException e)
        {
            _without ??= e;
            if (context.Notes is { CountsNan: true } evaluation) evaluation.WithoutGradient.Add(attack.Name);
            else EvaluationLog.WithoutGradient(context.Logger, attack.Name, e.Message);
            return null;
        }
    }
}
