using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// Best and last weights of a run on training and test images, clean and attacked: the layout of ARDIR's Table 1. Adversarial training
/// overfits (Rice et al. 2020): late in a run robust accuracy rises on training images and falls on test images, so a result reports both.
/// </summary>
public sealed record RobustOverfittingReport
{
    /// <summary>Name and threat model of the attack.</summary>
    public required string Attack { get; init; }

    /// <summary>The epoch with the best weights, from 0.</summary>
    public required int BestEpoch { get; init; }

    /// <summary>The last epoch, from 0.</summary>
    public required int LastEpoch { get; init; }

    /// <summary>The best weights.</summary>
    public required AccuracyGap Best { get; init; }

    /// <summary>The last weights.</summary>
    public required AccuracyGap Last { get; init; }

    /// <summary>Test accuracy under attack of the best weights minus that of the last weights.</summary>
    public double RobustOverfitting => Best.TestRobust - Last.TestRobust;

    /// <summary>Measures a finished run.</summary>
    /// <param name="trainer">After <see cref="DistillationTrainer.Fit"/>. Weights and modes of its student are restored at the end, also
    /// after an exception.</param>
    /// <param name="train">Training images, not augmented.</param>
    /// <param name="test">Test images.</param>
    /// <param name="attack">For example 20 steps of PGD.</param>
    /// <param name="options">Options; all defaults when null.</param>
    /// <returns>The accuracies of the best and of the last weights, whichever the student holds.</returns>
    /// <exception cref="ArgumentException">A count is not positive.</exception>
    /// <exception cref="InvalidOperationException">Nothing was trained.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static RobustOverfittingReport Measure(
        DistillationTrainer trainer, ImageDataset train, ImageDataset test, IAttack attack, RobustOverfittingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(test);
        ArgumentNullException.ThrowIfNull(attack);
        options ??= new RobustOverfittingOptions();
        options.Validate();
        var result = trainer.Result ?? throw new InvalidOperationException("The trainer has not trained anything yet; call Fit first.");
        using var someTrain = First(train, options.Images);
        using var someTest = First(test, options.Images);
        using var swap = new WeightSwap(trainer.Student, trainer.Student.state_dict());
        AccuracyGap Row()
        {
            var measured = new EvaluationOptions { BatchSize = options.BatchSize, Context = options.Context };
            RobustnessResult On(ImageDataset data) => RobustnessEvaluator.Evaluate(trainer.Student, data, attack, measured);
            return AccuracyGap.Of(On(someTrain ?? train), On(someTest ?? test));
        }
        trainer.RestoreLast();
        var last = Row();
        trainer.RestoreBest();
        return new RobustOverfittingReport
        {
            Attack = $"{attack.Name} {attack.Threat}",
            BestEpoch = result.Best.Epoch, LastEpoch = result.Last.Epoch,
            Best = Row(), Last = last,
        };
    }

    /// <summary>A table in Markdown, percent with two decimals.</summary>
    /// <returns>The text.</returns>
    public string ToMarkdown()
    {
        string Row(string name, int epoch, AccuracyGap row) => string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} (epoch {epoch}) | {100 * row.TrainClean:F2} | {100 * row.TrainRobust:F2} " +
            $"| {100 * row.TestClean:F2} | {100 * row.TestRobust:F2} | {100 * row.RobustGap:F2} |");
        return string.Join('\n',
            $"Attack: {Attack}. Accuracy in percent.",
            "",
            "| weights | train clean | train attacked | test clean | test attacked | gap attacked |",
            "|---|---:|---:|---:|---:|---:|",
            Row("best", BestEpoch, Best),
            Row("last", LastEpoch, Last),
            "",
            string.Create(
                CultureInfo.InvariantCulture,
                $"After the best epoch the run lost {100 * RobustOverfitting:F2} points of attacked test accuracy.")) + "\n";
    }

    private static ImageDataset? First(ImageDataset data, int? images)
    {
        if (images is not { } count || count >= data.Count) return null;
        using var scope = NewDisposeScope();
        return new ImageDataset(data.Images.narrow(0, 0, count).clone(), data.Labels.narrow(0, 0, count).clone(), data.ClassNames);
    }
}
