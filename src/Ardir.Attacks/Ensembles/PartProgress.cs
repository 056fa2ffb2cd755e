using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One of several evaluations that are one job to the user, the ensemble's own and those of the security curve.</summary>
/// <param name="outer">Told everything.</param>
/// <param name="from">Share of the job done before this part.</param>
/// <param name="to">Share done after it.</param>
/// <param name="curve">The budget, for a point of the security curve, whose accuracies are not those of the evaluation; null for the evaluation.</param>
internal sealed class PartProgress(IProgress<AttackProgress> outer, double from, double to, ThreatModel? curve = null) : IProgress<AttackProgress>
{
    public void Report(AttackProgress value) => outer.Report(value with
    {
        Attack = curve is null ? value.Attack : $"{value.Attack} {curve}",
        Fraction = Scale(value.Fraction ?? 0),
        Evaluation = curve is null && value.Evaluation is { } evaluation ? evaluation with { Fraction = Scale(evaluation.Fraction) } : null,
    });

    private double Scale(double fraction) => from + (to - from) * fraction;
}
