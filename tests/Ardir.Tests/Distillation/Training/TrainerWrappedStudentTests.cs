using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Wrappers around students off the beaten track: shared parameters, buffers, half precision, gradients from before.</summary>
public sealed class TrainerWrappedStudentTests
{
    [Fact]
    public void BFloat16_BufferThatNothingChanges_ComesBackUnroundedAndFromCheckpoints()
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        for (var epochs = 1; epochs <= 2; epochs++)
        {
            using var student = new Odd(shareLayer: true);
            var options = TrainingWorld.Options(epochs) with { Precision = TrainingPrecision.BFloat16, CheckpointDirectory = folder.Path, WeightAveraging = new StochasticWeightAveraging { StartEpoch = 0 } };
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
            trainer.Fit(data);
            Mean(student).Should().Be(Odd.Mean);
            trainer.RestoreAverage();
            Mean(student).Should().Be(Odd.Mean);
            trainer.RestoreBest();
            Mean(student).Should().Be(Odd.Mean);
        }
    }

    [Fact]
    public void BFloat16_LayerUnderTwoNames_KeepsItsFloat32Weights()
    {
        using var data = TrainingWorld.Data();
        using var student = new Odd(shareLayer: true);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { Precision = TrainingPrecision.BFloat16 });
        trainer.Fit(data);
        using var weight = student.state_dict()["_twice.weight"].detach();
        using var low = weight.to(ScalarType.BFloat16);
        TensorAssert.Values(weight).Should().NotEqual(TensorAssert.Values(low));
    }

    [Fact]
    public void BFloat16_ParameterInTwoModules_IsRefused()
    {
        using var student = new Odd(shareLayer: false);
        FluentActions.Invoking(() => new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { Precision = TrainingPrecision.BFloat16 }))
            .Should().Throw<ArgumentException>().WithMessage("*BFloat16*'weight' of '_again'*");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WeightAveraging_SharedParameters_AreAveragedUnderBothNames(bool shareLayer)
    {
        using var data = TrainingWorld.Data();
        using var student = new Odd(shareLayer);
        var states = new List<Dictionary<string, double[]>>();
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase == TrainingPhase.EpochEnd) states.Add(TrainingWorld.State(student));
        });
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(2) with { WeightAveraging = new StochasticWeightAveraging { StartEpoch = 0 } });
        trainer.Fit(data, null, progress);
        trainer.RestoreAverage();
        var average = TrainingWorld.State(student);
        foreach (var name in new[] { "_twice.weight", "_again.weight", "_last.weight" })
        {
            for (var i = 0; i < average[name].Length; i++) average[name][i].Should().BeApproximately((states[0][name][i] + states[1][name][i]) / 2, 1e-6);
        }
    }

    [Fact]
    public void WeightPerturbation_HalfPrecisionAndTinyGradients_MovesByNumbers() =>
        TrainHalf(1e-3, options => options with { WeightPerturbation = new() });

    [Fact]
    public void MaxGradientNorm_HalfPrecisionAndHugeGradients_DoesNotStandStill() =>
        TrainHalf(3e3, options => options with { MaxGradientNorm = 1 }).Should().BeTrue("squares of these gradients are beyond half precision, not the gradients");

    [Fact]
    public void Fit_GradientsFromBefore_ChangeNothing()
    {
        // FitNets' first stage does not reach the last layer: a gradient of zero would let it decay.
        using var data = TrainingWorld.Data();
        using var teacher = TrainingWorld.Network(8);
        Dictionary<string, double[]> Train(bool before)
        {
            using var student = TrainingWorld.Network();
            if (before)
            {
                using var scope = NewDisposeScope();
                foreach (var parameter in student.parameters()) parameter.square().sum().backward();
            }
            using var trainer = new DistillationTrainer(student, teacher, new FitNetsLoss(), TrainingWorld.Options(1));
            trainer.Fit(data);
            return TrainingWorld.State(student);
        }
        TrainingWorld.SameState(Train(before: true), Train(before: false));
    }

    [Fact]
    public void Fit_ParametersOutOfUseFromSomeEpochOn_ResumeBitEqual()
    {
        using var data = TrainingWorld.Data();
        Dictionary<string, double[]> Train(params int[] epochs)
        {
            using var folder = new TemporaryFolder();
            Dictionary<string, double[]> state = [];
            foreach (var until in epochs)
            {
                using var student = new Odd(shareLayer: true);
                var loss = new FuncLoss(inputs => new LossTerms(inputs.Epoch == 0 ? inputs.StudentClean!.Output.square().mean() : student.parameters().First().square().sum()));
                using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(until) with { CheckpointDirectory = folder.Path });
                trainer.Fit(data);
                state = TrainingWorld.State(student);
            }
            return state;
        }
        TrainingWorld.SameState(Train(1, 3), Train(3));
    }

    /// <summary>Whether the first weights moved.</summary>
    private static bool TrainHalf(double scale, Func<TrainerOptions, TrainerOptions> wrap)
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        student.to(ScalarType.Float16);
        var before = TrainingWorld.State(student);
        var loss = new FuncLoss(inputs => new LossTerms(inputs.StudentClean!.Output.to(ScalarType.Float32).square().mean() * scale));
        using var trainer = new DistillationTrainer(student, null, loss, wrap(TrainingWorld.Options(1)));
        double.IsFinite(trainer.Fit(data).Last.TrainLoss).Should().BeTrue();
        var after = TrainingWorld.State(student);
        after.Values.SelectMany(values => values).Should().OnlyContain(value => double.IsFinite(value));
        return !after["conv1.weight"].AsSpan().SequenceEqual(before["conv1.weight"]);
    }

    private static float Mean(Odd student) => student.get_buffer("mean")!.item<float>();

    /// <summary>Subtracts a buffer that bfloat16 cannot hold, and shares a layer or only its weight.</summary>
    private sealed class Odd : nn.Module<Tensor, Tensor>
    {
        public const float Mean = 0.47213f;

        private readonly Linear _first = nn.Linear(64, 6);
        private readonly Linear _twice = nn.Linear(6, 6);
        private readonly Linear _again;
        private readonly Linear _last = nn.Linear(6, 3);

        public Odd(bool shareLayer) : base(nameof(Odd))
        {
            _again = shareLayer ? _twice : nn.Linear(6, 6);
            if (!shareLayer) _again.weight = _twice.weight;
            register_buffer("mean", full([1], Mean));
            RegisterComponents();
            TinyModels.Fill(this, 3);
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var hidden = _first.call((input - get_buffer("mean")!).flatten(1)).relu();
            return _last.call(_again.call(_twice.call(hidden).relu()).relu()).MoveToOuterDisposeScope();
        }
    }
}
