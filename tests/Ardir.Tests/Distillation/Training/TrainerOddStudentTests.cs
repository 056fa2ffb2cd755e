using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Students and optimiser settings off the beaten track, each stopped and resumed against a run that was not.</summary>
public sealed class TrainerOddStudentTests
{
    [Fact]
    public void Fit_WithoutMomentum_ResumesBitEqual() =>
        ResumesBitEqual(() => TrainingWorld.Network(), options => options with { Optimizer = new SgdOptimizer { Momentum = 0 } });

    [Fact]
    public void Fit_TiedWeights_ResumeBitEqual() => ResumesBitEqual(() => new Tied(), options => options);

    [Fact]
    public void Fit_ParameterThatTheLossNeverReaches_ResumesBitEqual() => ResumesBitEqual(() => new Idle(), options => options);

    [Fact]
    public void Fit_Float64Student_ResumesBitEqual() => ResumesBitEqual(
        () =>
        {
            var network = TrainingWorld.Network();
            network.to(ScalarType.Float64);
            return network;
        },
        options => options);

    [Fact]
    public void Fit_BatchOfOneAtTheEnd_Trains()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data(17);
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1));
        double.IsFinite(trainer.Fit(data).Last.TrainLoss).Should().BeTrue();
    }

    [Fact]
    public void Fit_Twice_GoesOnFromTheStudentAsItIs()
    {
        // Without a checkpoint directory nothing but the student remembers: the second run starts where its weights are, with new momentum.
        using var data = TrainingWorld.Data();
        using var once = TrainingWorld.Network();
        using var twice = TrainingWorld.Network();
        using (var trainer = new DistillationTrainer(once, null, new StandardTrainingLoss(), TrainingWorld.Options(1)))
        {
            trainer.Fit(data);
            trainer.Fit(data);
        }
        for (var run = 0; run < 2; run++)
        {
            using var trainer = new DistillationTrainer(twice, null, new StandardTrainingLoss(), TrainingWorld.Options(1));
            trainer.Fit(data);
        }
        TrainingWorld.SameState(TrainingWorld.State(once), TrainingWorld.State(twice));
    }

    private static void ResumesBitEqual(Func<nn.Module<Tensor, Tensor>> create, Func<TrainerOptions, TrainerOptions> change)
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        Dictionary<string, double[]> Train(string directory, params int[] epochs)
        {
            Dictionary<string, double[]> state = [];
            foreach (var until in epochs)
            {
                using var student = create();
                using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), change(TrainingWorld.Options(until)) with { CheckpointDirectory = folder.File(directory) });
                trainer.Fit(data);
                state = TrainingWorld.State(student);
            }
            return state;
        }

        using var untrained = create();
        var through = Train("through", 3);
        through.Values.SelectMany(values => values).Should().NotEqual(TrainingWorld.State(untrained).Values.SelectMany(values => values));
        TrainingWorld.SameState(Train("stop and go", 1, 2, 3), through);
    }

    /// <summary>One layer under two names, between two others.</summary>
    private sealed class Tied : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _first = nn.Linear(64, 6);
        private readonly Linear _twice = nn.Linear(6, 6);
        private readonly Linear _again;
        private readonly Linear _last = nn.Linear(6, 3);

        public Tied() : base(nameof(Tied))
        {
            _again = _twice;
            RegisterComponents();
            TinyModels.Fill(this, 3);
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return _last.call(_again.call(_twice.call(_first.call(input.flatten(1)).relu()).relu()).relu()).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Its first layer is registered but takes no part, so it never has a gradient or momentum.</summary>
    private sealed class Idle : nn.Module<Tensor, Tensor>
    {
#pragma warning disable CA1823, IDE0052 // the point of it
        private readonly Linear _idle = nn.Linear(2, 2);
#pragma warning restore CA1823, IDE0052
        private readonly Linear _busy = nn.Linear(64, 3);

        public Idle() : base(nameof(Idle))
        {
            RegisterComponents();
            TinyModels.Fill(this, 3);
        }

        public override Tensor forward(Tensor input)
        {
            using var flat = input.flatten(1);
            return _busy.call(flat);
        }
    }
}
