namespace Ardir.Attacks;

/// <summary>A point of the security curve of an evaluation.</summary>
/// <param name="Epsilon">The budget.</param>
/// <param name="RobustAccuracy">Robust accuracy at this budget, 0 to 1.</param>
/// <param name="Facts">What the findings about this point follow from.</param>
internal sealed record CurvePoint(double Epsilon, double RobustAccuracy, EvaluationFacts Facts)
{
    /// <summary>The facts that make points of a security curve unreliable: for each kind the largest count of any point, and the
    /// names of all points that have it.</summary>
    public static EvaluationFacts FactsOf(IReadOnlyList<CurvePoint> curve, int images)
    {
        (int, IReadOnlyList<string>) Worst(Func<EvaluationFacts, (int Images, IReadOnlyList<string> Attacks)> of) =>
            (curve.Select(point => of(point.Facts).Images).DefaultIfEmpty().Max(), Names(facts => of(facts).Attacks));
        List<string> Names(Func<EvaluationFacts, IReadOnlyList<string>> of) =>
            [.. curve.SelectMany(point => of(point.Facts).Select(name => $"{name} of the security curve at {point.Epsilon:R}"))];
        return new EvaluationFacts
        {
            Images = images,
            NanImages = 0,
            NanPoints = 0,
            ZeroGradients = Worst(facts => facts.ZeroGradients),
            NonFiniteGradients = Worst(facts => facts.NonFiniteGradients),
            WithoutGradient = Names(facts => facts.WithoutGradient),
        };
    }
}
