using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Benchmarks;

/// <summary>One network and batch, with the library's jobs and their floors.</summary>
internal sealed class Workload : IDisposable
{
    private const int AttackSteps = 10;

    private readonly PreActResNet _student;
    private readonly PreActResNet _teacher;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly IAttack _attack = new PgdAttack(ThreatModel.Linf(8 / 255.0), new PgdOptions { Steps = AttackSteps });
    private readonly TrainingStep _step;
    private readonly optim.Optimizer _optimizer;

    private Workload(string name, double limit, int repeats, PreActResNetOptions options, int batch, int size)
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
        _step = new TrainingStep(_student, _teacher, new ArdirLoss(), new TrainerOptions { TrainAttack = _attack });
        _optimizer = optim.SGD(_student.parameters().ToArray(), 1e-4, 0.9, weight_decay: 5e-4);
    }

    public string Name { get; }

    public double Limit { get; }

    public int Repeats { get; }

    public static Workload Large() => new("PreActResNet-18, 16x3x32x32", 1.05, 1, new PreActResNetOptions(), batch: 16, size: 32);

    public static Workload Quickstart() => new(
        "quickstart network, 128x1x28x28", 1.15, 6,
        new PreActResNetOptions { InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, FirstStride = 2 }, batch: 128, size: 28);

    /// <summary>k x (forward + input gradient), in eval mode.</summary>
    public void PgdFloor()
    {
        _student.eval();
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

    /// <summary>The floor of PGD, one forward and backward pass in train mode and one teacher forward. No optimiser, no feature distance.</summary>
    public void StepFloor()
    {
        PgdFloor();
        using var scope = NewDisposeScope();
        using (no_grad()) _teacher.call(_images);
        nn.functional.cross_entropy(_student.call(_images), _labels).backward();
    }

    public void Step()
    {
        using var totals = new EpochTotals();
        _step.Run(_images, _labels, _optimizer, totals, new AttackContext());
    }

    public void Dispose()
    {
        _step.Dispose();
        _optimizer.Dispose();
        _student.Dispose();
        _teacher.Dispose();
        _images.Dispose();
        _labels.Dispose();
    }
}
