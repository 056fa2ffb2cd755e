using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Benchmarks;

/// <summary>One network, batch and objective, with the library's jobs and their floors.</summary>
internal sealed class Workload : IDisposable
{
    private const int AttackSteps = 10;
    private const double Rate = 1e-4;

    /// <summary>What is measured, by name; RC is the paper's best form of ARDIR.</summary>
    public static IReadOnlyDictionary<string, Func<IDistillationLoss>> Objectives { get; } = new Dictionary<string, Func<IDistillationLoss>>(StringComparer.Ordinal)
    {
        ["SAT"] = () => new AdversarialTrainingLoss(),
        ["TRADES"] = () => new TradesLoss(),
        ["ARD"] = () => new ArdLoss(),
        ["RSLAD"] = () => new RsladLoss(),
        ["IAD-I"] = () => new IadLoss(new IadLossOptions { Begin = 0 }),
        ["ARDIR"] = () => new ArdirLoss(),
    };

    private readonly PreActResNet _student;
    private readonly PreActResNet _teacher;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly IReadOnlySet<NetworkPass> _passes;
    private readonly bool _attacksWithReference;
    private readonly bool _craftsInTrainMode;
    private readonly IAttack _attack = new PgdAttack(ThreatModel.Linf(8 / 255.0), new PgdOptions { Steps = AttackSteps });
    private readonly TrainingStep _step;
    private readonly StudentWeights _weights;
    private readonly RunOptimizer _optimizer;
    private readonly StepHealth _health;
    private readonly optim.Optimizer _floorOptimizer;

    private Workload(string name, double limit, int repeats, PreActResNetOptions options, int batch, int size, IDistillationLoss loss)
    {
        (Name, Limit, Repeats) = (name, limit, repeats);
        _student = PreActResNet.Create(options with { Seed = 1 });
        _teacher = PreActResNet.Create(options with { Seed = 2 });
        var streams = SampleStreams.ForSamples(3, null, batch);
        using var like = zeros(batch, options.InputChannels, size, size);
        _images = streams.Uniform(like, 0, 1);
        _labels = arange(batch) % options.Classes;
        _student.train();
        _teacher.eval();
        var training = new TrainerOptions { Crafting = new PrescribedCrafting(ThreatModel.Linf(8 / 255.0)) };
        var setup = SetupGuard.Check(_student, TrainingSetup.NetworksOf(_teacher, null), loss, training);
        _passes = loss.Needs.Passes;
        _attacksWithReference = loss.Needs.InnerMaximization.Objective == InnerObjective.KlToClean;
        _craftsInTrainMode = setup.Crafting.Images.Any(entry => entry.TrainMode);
        training = training with { LearningRate = Rate };
        _step = new TrainingStep(setup);
        _weights = StudentWeights.Of(_student, TrainingPrecision.Full);
        _optimizer = new RunOptimizer(training, _weights, null);
        _health = new StepHealth(training, _weights, _optimizer);
        _floorOptimizer = optim.SGD(_student.parameters().ToArray(), Rate, 0.9, weight_decay: 5e-4);
    }

    public string Name { get; }

    public double Limit { get; }

    public int Repeats { get; }

    public static Workload Large(IDistillationLoss loss) => new("PreActResNet-18, 16x3x32x32", 1.05, 1, new PreActResNetOptions(), batch: 16, size: 32, loss);

    public static Workload Quickstart(IDistillationLoss loss) => new(
        "quickstart network, 128x1x28x28", 1.15, 6,
        new PreActResNetOptions { InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, FirstStride = 2 }, batch: 128, size: 28, loss);

    /// <summary>k x (forward + input gradient), in eval mode.</summary>
    public void PgdFloor() => PgdFloor(trainMode: false);

    private void PgdFloor(bool trainMode)
    {
        if (!trainMode) _student.eval();
        for (var step = 0; step < AttackSteps; step++)
        {
            using var scope = NewDisposeScope();
            var x = _images.detach().requires_grad_();
            nn.functional.cross_entropy(_student.call(x), _labels, reduction: nn.Reduction.Sum).backward(inputs: [x]);
        }
        _student.train();
    }

    public void Pgd()
    {
        using var adversarial = _attack.Perturb(_student, _images, _labels);
    }

    /// <summary>
    /// The raw loop: the floor of PGD in the mode that the objective prescribes (batch norm costs more in train mode), the forward passes that the objective declares (and the one of TRADES' attack, whose target is the student on the clean images),
    /// one backward pass of a cross-entropy through all passes of the student, SGD. No start, projection, divergence or feature distance.
    /// </summary>
    public void StepFloor()
    {
        PgdFloor(_craftsInTrainMode);
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            if (_attacksWithReference) _student.call(_images);
            foreach (var pass in new[] { NetworkPass.TeacherClean, NetworkPass.TeacherOnStudentAdversarial })
                if (_passes.Contains(pass)) _teacher.call(_images);
        }
        Tensor? total = null;
        foreach (var pass in new[] { NetworkPass.StudentClean, NetworkPass.StudentAdversarial })
        {
            if (!_passes.Contains(pass)) continue;
            var term = nn.functional.cross_entropy(_student.call(_images), _labels);
            total = total is null ? term : total + term;
        }
        _floorOptimizer.zero_grad();
        total!.backward();
        _floorOptimizer.step();
    }

    public void Step()
    {
        using var totals = new EpochTotals();
        _step.Run(CheckedBatch.Trusted(_images, _labels, 10), new StepContext
        {
            Weights = _weights, Optimizer = _optimizer, Health = _health, Totals = totals, Attack = new AttackContext(),
        });
    }

    public void Dispose()
    {
        _step.Dispose();
        _health.Dispose();
        _optimizer.Dispose();
        _weights.Dispose();
        _floorOptimizer.Dispose();
        _student.Dispose();
        _teacher.Dispose();
        _images.Dispose();
        _labels.Dispose();
    }
}
