using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What the attack of an evaluation by <see cref="RobustnessEvaluator"/> did so far.</summary>
internal sealed class EvaluatorTally
{
    private readonly HashSet<string> _withoutGradient = [];
    private int _attacked;
    private int _broken;
    private int _zeroGradients;
    private int _nonFiniteGradients;
    private int _nanPoints;
    private long _forwards;
    private long _backwards;
    private TimeSpan _elapsed;

    /// <summary>Adds a batch.</summary>
    /// <param name="verdict">On the points that the attack found.</param>
    /// <param name="model">Counted the passes of the batch alone; its context has the numbers of the images and the notes of the
    /// attack.</param>
    /// <param name="classes">How many classes the model has.</param>
    /// <param name="elapsed">Wall time of the batch.</param>
    /// <returns>For each image whether it was broken.</returns>
    public bool[] Add(Judgement verdict, GuardedModel model, long classes, TimeSpan elapsed)
    {
        var broken = HostRead.Array<bool>(verdict.Broken);
        var (notes, numbers) = (model.Context.Notes!, model.Context.SampleIndices!);
        _attacked += broken.Length;
        _broken += broken.Count(isBroken => isBroken);
        _nanPoints += HostRead.Array<long>(verdict.Predicted).Count(predicted => predicted == classes);
        _zeroGradients += broken.Where((isBroken, i) => !isBroken && notes.StoppedByZeroGradient(numbers[i])).Count();
        _nonFiniteGradients += broken.Where((isBroken, i) => !isBroken && notes.StoppedByNonFiniteGradient(numbers[i])).Count();
        _withoutGradient.UnionWith(notes.WithoutGradient);
        (_forwards, _backwards, _elapsed) = (_forwards + model.SampleForwards, _backwards + model.SampleBackwards, _elapsed + elapsed);
        return broken;
    }

    /// <summary>What the attack did.</summary>
    public AttackSummary Summary(string name, double robustAccuracy) => new()
    {
        Name = name,
        Attacked = _attacked,
        Broken = _broken,
        ZeroGradients = _zeroGradients,
        RobustAccuracyAfter = robustAccuracy,
        SampleForwards = _forwards,
        SampleBackwards = _backwards,
        Elapsed = _elapsed,
    };

    /// <summary>Adds what findings about the attack follow from.</summary>
    public EvaluationFacts AddTo(EvaluationFacts facts, string name) => facts with
    {
        NanPoints = _nanPoints,
        ZeroGradients = (_zeroGradients, [name]),
        NonFiniteGradients = (_nonFiniteGradients, [name]),
        WithoutGradient = [.. _withoutGradient],
    };
}
