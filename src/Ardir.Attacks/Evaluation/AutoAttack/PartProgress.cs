using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Progress of one part of a job that is a single one to the user: the evaluation itself or a point of the security
/// curve.</summary>
/// <param name="outer">Receives every report.</param>
/// <param name="from">Share of the job done before this part, 0 to 1.</param>
/// <param name="to">Share of the job done after this part, 0 to 1.</param>
/// <param name="curve">Norm and budget of a point of the security curve, whose accuracies are not reported because they are not those
/// of the evaluation; null for the evaluation itself.</param>
internal sealed class PartProgress(IProgress<AttackProgress> outer, double from, double to, ThreatModel? curve = null)
    : IProgress<AttackProgress>
{
    public void Report(AttackProgress value) => outer.Report(value with
    {
        Attack = curve is null ? value.Attack : $"{value.Attack} {curve}",
        Fraction = Scale(value.Fraction ?? 0),
        Evaluation = curve is null && value.Evaluation is { } evaluation
            ? evaluation with { Fraction = Scale(evaluation.Fraction) }
            : null,
    });

    private double Scale(double fraction) => from + (to - from) * fraction;
}
