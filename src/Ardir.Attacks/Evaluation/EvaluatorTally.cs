using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an evaluation by <see cref="RobustnessEvaluator"/> has found so far.</summary>
/// <param name="count">How many images there are.</param>
internal sealed class EvaluatorTally(int count)
{
    private readonly HashSet<string> _withoutGradient = [];
    private readonly List<bool> _correct = new(count);
    private readonly List<bool> _robust = new(count);
    private EvaluatorBatch _sum = new() { Correct = [], Robust = [], NanImages = 0 };

    /// <summary>For each image so far whether the model is right on it.</summary>
    public IReadOnlyList<bool> Correct => _correct;

    /// <summary>For each image so far whether the model is right on it and still right after the attack.</summary>
    public IReadOnlyList<bool> Robust => _robust;

    /// <summary>Adds a batch.</summary>
    public void Add(EvaluatorBatch batch)
    {
        _correct.AddRange(batch.Correct);
        _robust.AddRange(batch.Robust);
        _withoutGradient.UnionWith(batch.WithoutGradient);
        _sum = _sum with
        {
            NanImages = _sum.NanImages + batch.NanImages,
            Attacked = _sum.Attacked + batch.Attacked,
            Broken = _sum.Broken + batch.Broken,
            NanPoints = _sum.NanPoints + batch.NanPoints,
            ZeroGradients = _sum.ZeroGradients + batch.ZeroGradients,
            NonFiniteGradients = _sum.NonFiniteGradients + batch.NonFiniteGradients,
            Forwards = _sum.Forwards + batch.Forwards,
            Backwards = _sum.Backwards + batch.Backwards,
            Seconds = _sum.Seconds + batch.Seconds,
        };
    }

    /// <summary>What the attack of a batch did.</summary>
    /// <param name="clean">The batch before the attack.</param>
    /// <param name="verdict">On the points that the attack found, one for each image that the model is right on.</param>
    /// <param name="model">Counted the passes of the batch alone; its context has the numbers of the images and the notes of the
    /// attack.</param>
    /// <param name="classes">How many classes the model has.</param>
    /// <param name="elapsed">Wall time of the attack.</param>
    public static EvaluatorBatch Attacked(
        EvaluatorBatch clean, Judgement verdict, GuardedModel model, long classes, TimeSpan elapsed)
    {
        var broken = HostRead.Array<bool>(verdict.Broken);
        var (notes, numbers) = (model.Context.Notes!, model.Context.SampleIndices!);
        int Unbroken(Func<long, bool> which) => broken.Where((isBroken, i) => !isBroken && which(numbers[i])).Count();
        var at = 0;
        return clean with
        {
            Robust = [.. clean.Correct.Select(right => right && !broken[at++])],
            Attacked = broken.Length,
            Broken = broken.Count(isBroken => isBroken),
            NanPoints = HostRead.Array<long>(verdict.Predicted).Count(predicted => predicted == classes),
            ZeroGradients = Unbroken(notes.StoppedByZeroGradient),
            NonFiniteGradients = Unbroken(notes.StoppedByNonFiniteGradient),
            WithoutGradient = [.. notes.WithoutGradient],
            Forwards = model.SampleForwards,
            Backwards = model.SampleBackwards,
            Seconds = elapsed.TotalSeconds,
        };
    }

    /// <summary>What the attack did.</summary>
    public AttackSummary Summary(string name, double robustAccuracy) => new()
    {
        Name = name,
        Attacked = _sum.Attacked,
        Broken = _sum.Broken,
        ZeroGradients = _sum.ZeroGradients,
        RobustAccuracyAfter = robustAccuracy,
        SampleForwards = _sum.Forwards,
        SampleBackwards = _sum.Backwards,
        Elapsed = TimeSpan.FromSeconds(_sum.Seconds),
    };

    /// <summary>What findings follow from.</summary>
    /// <param name="attack">Name of the attack; null when there is none.</param>
    /// <param name="isConstant">Whether different images have exactly the same logits.</param>
    public EvaluationFacts Facts(string? attack, bool isConstant)
    {
        var facts = new EvaluationFacts { Images = count, NanImages = _sum.NanImages, IsConstant = isConstant };
        return attack is null ? facts : facts with
        {
            NanPoints = _sum.NanPoints,
            ZeroGradients = (_sum.ZeroGradients, [attack]),
            NonFiniteGradients = (_sum.NonFiniteGradients, [attack]),
            WithoutGradient = [.. _withoutGradient],
        };
    }
}
