using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Runs that an exception ends anywhere: nothing is left behind, the student is usable, and the next call goes on as if nothing had happened.</summary>
public sealed class TrainerBrokenOffTests
{
    public static TheoryData<string> Places => ["attack", "loss", "progress", "selection", "optimizer", "schedule"];

    [Theory, MemberData(nameof(Places))]
    public void Fit_BrokenOff_LeavesNoTensorAndTheStudentInItsPrecision(string place)
    {
        using var data = TrainingWorld.Data(20);
        LeakAssert.None(() =>
        {
            using var student = TrainingWorld.Network();
            var (trainer, progress) = Make(student, place, null, failAt: 5);
            using (trainer) trainer.Invoking(t => t.Fit(data, data, progress)).Should().Throw<NotSupportedException>().WithMessage(place);
            student.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
            using var scope = NewDisposeScope();
            student.parameters().Should().OnlyContain(parameter => parameter.isfinite().all().item<bool>());
            using var evaluation = new EvaluationModeScope(student);
            student.call(zeros(2, 1, 8, 8)).dtype.Should().Be(ScalarType.Float32);
        });
    }

    [Theory, MemberData(nameof(Places))]
    public void Fit_AgainWithTheSameTrainer_EndsBitEqual(string place)
    {
        using var data = TrainingWorld.Data(20);
        (IReadOnlyList<EpochMetrics>, Dictionary<string, double[]>) Run(int failAt)
        {
            using var folder = new TemporaryFolder();
            using var student = TrainingWorld.Network();
            var (trainer, progress) = Make(student, place, folder.Path, failAt);
            using (trainer)
            {
                if (failAt > 0) trainer.Invoking(t => t.Fit(data, data, progress)).Should().Throw<NotSupportedException>();
                return (trainer.Fit(data, data, progress).Epochs, TrainingWorld.State(student));
            }
        }
        var (expected, state) = Run(0);
        var (resumed, last) = Run(4);
        TrainingWorld.SameMetrics(resumed, expected);
        TrainingWorld.SameState(last, state);
    }

    private static (DistillationTrainer Trainer, IProgress<TrainingProgress> Progress) Make(
        nn.Module<Tensor, Tensor> student, string place, string? folder, int failAt)
    {
        var calls = 0;
        void At(string here, int call = 0)
        {
            if (here == place && ++calls == (call > 0 ? call : failAt) && failAt > 0) throw new NotSupportedException(place);
        }
        var options = TrainingWorld.Options(3) with
        {
            BatchSize = 10, LearningRate = 0.01, Precision = TrainingPrecision.BFloat16, WeightPerturbation = new(), AccumulationSteps = 2,
            WeightAveraging = new ExponentialMovingAverage { StartEpoch = 0 }, NonFiniteLoss = NonFiniteLoss.Skip, CheckpointDirectory = folder,
            CheckpointInterval = folder is null ? null : TimeSpan.FromTicks(1), Optimizer = TrainingOptimizer.Custom("failing", (parameters, rate) =>
            {
                At("optimizer", call: 1);
                return new AdamOptimizer { AmsGrad = true }.Create(parameters, rate);
            }),
            Crafting = new OwnCrafting(new WatchedAttack(TrainingWorld.Pgd(1), (_, _, _) => At("attack"))),
            SelectionAttack = new WatchedAttack(TrainingWorld.Pgd(1), (_, _, _) => At("selection")), EvaluationBatchSize = 10,
            Schedule = new FailingSchedule(() => At("schedule")),
        };
        var loss = new OwnLoss(inputs =>
        {
            var total = HardLabels.CrossEntropy(inputs[NetworkPass.StudentAdversarial].Output, inputs.Labels);
            At("loss");
            return new LossTerms(total);
        })
        { Needs = new() { Passes = [NetworkPass.StudentAdversarial] } };
        return (new DistillationTrainer(student, null, loss, options), new ListProgress<TrainingProgress>(_ => At("progress")));
    }

    private sealed class FailingSchedule(Action call) : ILearningRateSchedule
    {
        public double Factor(TrainingMoment moment)
        {
            call();
            return 1 / (1.0 + moment.Epoch);
        }

        public override string ToString() => "failing";
    }
}
