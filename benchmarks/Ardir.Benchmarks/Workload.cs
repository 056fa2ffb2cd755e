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
    // Only where the objective has one, as in a training.
    private readonly PreActResNet? _teacher;
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
    private readonly Speedups _speedups;
    private readonly List<IDisposable> _formats = [];
    private bool _isOfLibraryDisposed;
    // The raw loop has networks of its own, with the same weights, in TorchSharp's layers and order. Made when they are needed: memory is measured, too.
    private readonly Lazy<(RawPreActResNet Student, RawPreActResNet? Teacher, optim.Optimizer Optimizer)> _raw;

    private Workload((string Name, PreActResNetOptions Options, int Batch, int Size) task, (double Plain, double Attack, double Step) limits, int repeats, IDistillationLoss loss, Speedups speedups)
    {
        (var name, var options, var batch, var size) = task;
        (Name, Repeats, _speedups) = (name, repeats, speedups);
        (AttackLimit, StepLimit) = speedups.AreOff ? (limits.Plain, limits.Plain) : (limits.Attack, limits.Step);
        _student = PreActResNet.Create(options with { Seed = 1 });
        if (loss.Needs.Passes.Any(pass => pass.Network == NetworkRole.Teacher)) _teacher = PreActResNet.Create(options with { Seed = 2 });
        var streams = SampleStreams.ForSamples(3, null, batch);
        using var like = zeros(batch, options.InputChannels, size, size);
        _images = streams.Uniform(like, 0, 1);
        _labels = arange(batch) % options.Classes;
        _student.train();
        _teacher?.eval();
        var training = new TrainerOptions { Convolutions = speedups.Convolutions, Crafting = new PrescribedCrafting(ThreatModel.Linf(8 / 255.0)) };
        var setup = SetupGuard.Check(_student, TrainingSetup.NetworksOf(_teacher, null), loss, training);
        _passes = loss.Needs.Passes;
        _attacksWithReference = loss.Needs.InnerMaximization.Objective == InnerObjective.KlToClean;
        _craftsInTrainMode = setup.Crafting.Images.Any(entry => entry.TrainMode);
        // Gaps are what blocks of several threads leave between each other, and a model in train mode is attacked on one.
        GivesBackMemory = speedups.GivesBackMemory && !_craftsInTrainMode;
        training = training with { GiveBackMemory = GivesBackMemory };
        setup = SetupGuard.Check(_student, TrainingSetup.NetworksOf(_teacher, null), loss, training);
        training = training with { LearningRate = Rate };
        _step = new TrainingStep(setup);
        _weights = StudentWeights.Of(_student, TrainingPrecision.Full);
        _optimizer = new RunOptimizer(training, _weights, null);
        _health = new StepHealth(training, _weights, _optimizer);
        _raw = new(() =>
        {
            var (student, teacher) = (new RawPreActResNet(_student), _teacher is null ? null : new RawPreActResNet(_teacher));
            student.train();
            teacher?.eval();
            return (student, teacher, optim.SGD(student.parameters().ToArray(), Rate, 0.9, weight_decay: 5e-4));
        });
        Arrange();
    }

    // As a run of the trainer does, once.
    private void Arrange()
    {
        if (_teacher is not null && _speedups.Folds) _formats.Add(new FoldedScope(_teacher));
        if (_speedups.Format == MemoryFormat.Contiguous) return;
        MemoryFormat format;
        using (_craftsInTrainMode ? null : new EvaluationModeScope(_student))
            format = _speedups.Format == MemoryFormat.Measured ? PassFormat.Fastest(_student, _images) : _speedups.Format;
        if (format == MemoryFormat.ChannelsLast) _formats.Add(new ChannelsLastScope(_student, training: true));
        if (_speedups.Convolutions == ConvolutionAlgorithm.Winograd) return;
        if (_teacher is not null && PassFormat.Enter(_speedups.Format, _teacher, _images) is { } ofTeacher) _formats.Add(ofTeacher);
    }

    public string Name { get; }

    /// <summary>Whether a step begins with giving back free memory.</summary>
    public bool GivesBackMemory { get; }

    public double AttackLimit { get; }

    public double StepLimit { get; }

    public int Repeats { get; }

    /// <summary>The networks of the tables: name, options, images of a batch and their size.</summary>
    public static readonly (string Name, PreActResNetOptions Options, int Batch, int Size) LargeTask = ("PreActResNet-18, 16x3x32x32", new(), 16, 32);

    public static readonly (string Name, PreActResNetOptions Options, int Batch, int Size) QuickstartTask =
        ("quickstart network, 128x1x28x28", new() { InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, FirstStride = 2 }, 128, 28);

    public static Workload Large(IDistillationLoss loss, Speedups? speedups = null) => new(LargeTask, (1.05, 0.85, 0.92), 1, loss, speedups ?? new());

    public static Workload Quickstart(IDistillationLoss loss, Speedups? speedups = null) => new(QuickstartTask, (1.15, 0.82, 0.90), 6, loss, speedups ?? new());

    /// <summary>k x (forward + input gradient), in eval mode.</summary>
    public void PgdFloor() => PgdFloor(trainMode: false);

    private void PgdFloor(bool trainMode)
    {
        var student = _raw.Value.Student;
        if (!trainMode) student.eval();
        for (var step = 0; step < AttackSteps; step++)
        {
            using var scope = NewDisposeScope();
            var x = _images.detach().requires_grad_();
            nn.functional.cross_entropy(student.call(x), _labels, reduction: nn.Reduction.Sum).backward(inputs: [x]);
        }
        student.train();
    }

    public void Pgd()
    {
        using var adversarial = _attack.Perturb(_student, _images, _labels, _speedups.Context);
    }

    /// <summary>
    /// The raw loop: the floor of PGD in the mode that the objective prescribes (batch norm costs more in train mode), the forward passes that the objective declares (and the one of TRADES' attack, whose target is the student on the clean images),
    /// one backward pass of a cross-entropy through all passes of the student, SGD. No start, projection, divergence or feature distance.
    /// </summary>
    public void StepFloor()
    {
        PgdFloor(_craftsInTrainMode);
        var (student, teacher, optimizer) = _raw.Value;
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            if (_attacksWithReference) student.call(_images);
            foreach (var pass in new[] { NetworkPass.TeacherClean, NetworkPass.TeacherOnStudentAdversarial })
                if (_passes.Contains(pass)) teacher!.call(_images);
        }
        Tensor? total = null;
        foreach (var pass in new[] { NetworkPass.StudentClean, NetworkPass.StudentAdversarial })
        {
            if (!_passes.Contains(pass)) continue;
            var term = nn.functional.cross_entropy(student.call(_images), _labels);
            total = total is null ? term : total + term;
        }
        optimizer.zero_grad();
        total!.backward();
        optimizer.step();
    }

    public void Step()
    {
        using var totals = new EpochTotals();
        _step.Run(CheckedBatch.Trusted(_images, _labels, 10), new StepContext
        {
            Weights = _weights, Optimizer = _optimizer, Health = _health, Totals = totals, Attack = _speedups.Context,
        });
    }

    /// <summary>Frees the library's networks, which the raw loop has no use for: memory is measured, too.</summary>
    public void KeepRawLoopOnly()
    {
        _ = _raw.Value;
        DisposeOfLibrary();
    }

    public void Dispose()
    {
        DisposeOfLibrary();
        if (_raw.IsValueCreated)
        {
            _raw.Value.Optimizer.Dispose();
            _raw.Value.Student.Dispose();
            _raw.Value.Teacher?.Dispose();
        }
        _images.Dispose();
        _labels.Dispose();
    }

    private void DisposeOfLibrary()
    {
        if (_isOfLibraryDisposed) return;
        _isOfLibraryDisposed = true;
        _step.Dispose();
        _health.Dispose();
        _optimizer.Dispose();
        _weights.Dispose();
        foreach (var format in _formats) format.Dispose();
        _student.Dispose();
        _teacher?.Dispose();
    }
}
