using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Checks after an evaluation whether the gradients of a model are useful to attacks, on the correctly classified images of
/// the first batch.</summary>
internal sealed class GradientProbe(
    GuardedModel model, (Tensor Images, Tensor Labels, Tensor Logits) batch, ThreatModel threat, AttackContext context,
    FindingList findings)
{
    private const double TinyGradient = 1e-10;
    private const double ModerateMargin = 15;   // the gradient of the cross-entropy with respect to the logits is still 3e-7 there
    private const int HugeBudgetSteps = 20;
    private const double ShareThatMayResist = 0.1;

    private int Count => (int)batch.Images.shape[0];

    /// <summary>Runs all checks.</summary>
    /// <param name="unbroken">For each of the images whether the attacks left it unbroken.</param>
    /// <param name="compare">Whether the attacks must be at least as strong as FGSM, because they may use the whole threat set as
    /// it does.</param>
    public void Look(bool[] unbroken, bool compare)
    {
        try
        {
            MeasureGradient();
            if (compare) CompareWithFgsm(unbroken);
            TryHugeBudget();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // These checks need a gradient, which the attacks of a custom ensemble may not, and use points at which only they run the
            // model. A failure here must not discard the result of an evaluation that may have taken days.
            EvaluationLog.ChecksEnded(context.Logger, e.Message);
        }
    }

    private void MeasureGradient()
    {
        using var guarded = new GuardedModel(model.AsModule, context);
        var run = AttackRun.Create(new FgsmAttack(threat).Traits, guarded, batch.Images, batch.Labels).With(AttackLoss.CrossEntropy);
        var gradient = run.Gradient(batch.Images).Gradient;
        var size = EuclideanLength.Of(gradient.flatten(1));
        var margin = MarginAttackLoss.Margin(batch.Logits, batch.Labels).neg();
        var vanishing = HostRead.Int64((size < TinyGradient).logical_and(margin < ModerateMargin).sum());
        if (vanishing > 0)
            findings.Add(FindingKind.VanishingGradient,
                $"For {vanishing} of {Count} images the gradient of the cross-entropy is below {TinyGradient:G0} although the margin " +
                $"is below {ModerateMargin}: the model masks its gradients.", (int)vanishing);
    }

    private void CompareWithFgsm(bool[] unbroken)
    {
        var right = Right(new FgsmAttack(threat).Perturb(model.AsModule, batch.Images, batch.Labels, context));
        var missed = unbroken.Where((isLeft, i) => isLeft && !right[i]).Count();
        if (missed > 0)
            findings.Add(FindingKind.WeakerThanFgsm,
                $"One FGSM step within {threat} breaks {missed} images of the first batch that the whole evaluation left unbroken: " +
                "its gradients or its randomness mislead it.", missed);
    }

    private void TryHugeBudget()
    {
        // Only of a norm ball is it known which budget makes every image grey.
        if (threat is not NormThreatModel ball) return;
        var values = batch.Images.numel() / batch.Images.shape[0];
        var epsilon = ball.Norm switch
        {
            PerturbationNorm.Linf => 0.5,
            PerturbationNorm.L2 => 0.5 * Math.Sqrt(values),
            _ => 0.5 * values,
        };
        var huge = ball.WithEpsilon(epsilon);
        // The margin, because the gradient of the cross-entropy vanishes even for a model that is only confident.
        var attack = new PgdAttack(huge, new PgdOptions
        {
            Steps = HugeBudgetSteps, StepSize = epsilon / 5, SparseFraction = 1, Loss = AttackLoss.Margin,
            Selection = PgdSelection.FirstSuccess,
        });
        var resisting = Right(attack.Perturb(model.AsModule, batch.Images, batch.Labels, context)).Count(right => right);
        if (resisting > ShareThatMayResist * Count)
            findings.Add(FindingKind.ResistsHugeBudget,
                $"{resisting} of {Count} images resist {HugeBudgetSteps} steps of PGD within {huge}, where every image can be made " +
                "grey: the attack does not get through to the model.", resisting);
    }

    private bool[] Right(Tensor points) => HostRead.Array<bool>(Verdict.IsRight(model.Copied(points), batch.Labels));
}
