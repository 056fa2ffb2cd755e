using System.Globalization;
using Ardir.Attacks;

namespace Ardir.Samples;

/// <summary>Follows an ensemble of attacks.</summary>
internal sealed class EvaluationTracker(JobLine line) : IProgress<AttackProgress>
{
    private double _fraction;
    private string _robust = "", _accuracies = "";

    public void Report(AttackProgress value)
    {
        _fraction = value.Fraction ?? _fraction;
        if (value.Evaluation is not { } evaluation)
        {
            line.Step(_fraction, $"{value.Attack} step {value.Step}/{value.Steps}{_robust}");
            return;
        }
        _robust = string.Create(CultureInfo.InvariantCulture, $", robust {evaluation.RobustAccuracy:P1}");
        _accuracies = string.Create(
            CultureInfo.InvariantCulture, $", {evaluation.CleanAccuracy:P1} clean, {evaluation.RobustAccuracy:P1} robust so far");
        var state = $"{value.Attack} {value.Step + 1}/{value.Steps}";
        line.Reached(_fraction, state + _robust, state + _accuracies);
    }
}
