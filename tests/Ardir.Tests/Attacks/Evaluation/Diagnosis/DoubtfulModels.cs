using Ardir.Attacks;
using Ardir.Core;
using static Ardir.Attacks.FindingKind;

namespace Ardir.Tests;

/// <summary>One evaluation and the findings it must end with; what else may come depends on a random draw.</summary>
internal sealed record Doubt(IModule Model, Tensor Images, Tensor Labels, AutoAttack Attack, FindingKind[] Expected)
{
    public FindingKind[] Tolerated { get; init; } = [];
}

/// <summary>For every kind of finding models that deserve it and close neighbours that do not. The base is a linear model that every check is content with.</summary>
internal static class DoubtfulModels
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);
    private static readonly AutoAttackOptions _rand = new() { Version = AutoAttackVersion.Rand, Attacks = null };
    private static readonly FindingKind[] _ofNoise = [WeakerThanFgsm, UnconfirmedSuccess];

    public static readonly Dictionary<string, Func<Doubt>> Table = new()
    {
        ["healthy: linear"] = () => Linear((net, x) => net.call(x), []),
        ["healthy: linear, standard ensemble"] = () => Linear((net, x) => net.call(x), [], new AutoAttack(_threat)),
        ["healthy: linear, float32"] = () => Linear((net, x) => net.call(x), [], dtype: ScalarType.Float32),
        ["healthy: convolution, half precision"] = () => Half(z => z, []),

        ["Randomized: noise"] = () => Noisy(0.01, [Randomized]),
        ["Randomized: noise far below the tolerance that turns predictions"] = () => Noisy(1e-6, [Randomized], boundary: true),
        ["Randomized, near miss: that noise away from the boundary"] = () => Noisy(1e-6, []),
        ["Randomized, near miss: the version made for it"] = () => Noisy(0.01, [], attack: new AutoAttack(_threat, _rand)),

        ["Probabilities: softmax"] = () => Linear((net, x) => net.call(x).softmax(1), [Probabilities]),
        ["Probabilities: softmax, half precision"] = () => Half(z => z.softmax(1), [Probabilities]),
        ["Probabilities, near miss: sums of 1.0001"] = () => Linear((net, x) => net.call(x).softmax(1) * 1.0001, []),
        ["Probabilities, near miss: log-probabilities"] = () => Linear((net, x) => net.call(x).log_softmax(1), []),
        ["Probabilities, near miss: sums of 1 with a negative entry"] = () => Linear(SumsToOne, []),

        ["ZeroGradient: rounded"] = () => Linear((net, x) => (net.call(x) * 3).round(), [ZeroGradient, VanishingGradient], Targeted()) with { Tolerated = [ResistsHugeBudget] },
        ["ZeroGradient: no pixel reaches the kink of a relu"] = () => InTwoBatches((net, x) => net.call((x - 2).relu()), [ZeroGradient, ConstantLogits, VanishingGradient, ResistsHugeBudget]),
        ["ZeroGradient: logits too large for cross-entropy"] = () => Linear((net, x) => net.call(x) * 1e4, [ZeroGradient], Of(new PgdAttack(_threat))),
        ["ZeroGradient, near miss: the same logits, the margin"] = () => Linear((net, x) => net.call(x) * 1e4, [], Of(new FgsmAttack(_threat, new FgsmOptions { Loss = AttackLoss.Margin }))),
        ["ZeroGradient, near miss: confident"] = () => Linear((net, x) => net.call(x) * 1e6, [], Targeted()),
        ["ZeroGradient, near miss: every pixel is beyond the kink"] = () => InTwoBatches((net, x) => net.call(x.relu()), []),

        ["BadGradient: a square root at zero"] = () =>
            Linear((net, x) => net.call(x) + (x * 0).sqrt().flatten(1).sum(1, true), [BadGradient], Of(new PgdAttack(_threat))) with
            { Tolerated = [ResistsHugeBudget] },
        ["BadGradient, near miss: a square root at one"] = () =>
            Linear((net, x) => net.call(x) + ((x * 0) + 1).sqrt().flatten(1).sum(1, true), [], Of(new PgdAttack(_threat))),

        ["SquareImproves: no gradient leads anywhere"] = () => Linear(Masked, [SquareImproves, VanishingGradient]) with { Tolerated = [ZeroGradient, ResistsHugeBudget] },
        ["SquareImproves: 2 of 500"] = () => Square(2, [SquareImproves]),
        ["SquareImproves, near miss: 1 of 500"] = () => Square(1, []),

        ["DynamicModel: follows a gradient"] = () => Linear(Optimising, [DynamicModel]),
        ["DynamicModel, near miss: switches gradients on and counts its calls"] = () => Linear(Counting(), []),
        ["DynamicModel, near miss: keeps something for every batch size"] = () => Linear(Keeping(), [], Of(8, new FgsmAttack(_threat)), count: 9),

        ["FewClasses: 3, targeted"] = () => Linear((net, x) => net.call(x), [FewClasses], Targeted(), classes: 3),
        ["FewClasses: 3, standard"] = () => Linear((net, x) => net.call(x), [FewClasses], new AutoAttack(_threat), classes: 3),
        ["FewClasses: 2, rand"] = () => Linear((net, x) => net.call(x), [FewClasses], new AutoAttack(_threat, _rand), classes: 2),
        ["FewClasses, near miss: 3, rand"] = () => Linear((net, x) => net.call(x), [], new AutoAttack(_threat, _rand), classes: 3),
        ["FewClasses, near miss: 2, nothing that needs more"] = () => Linear((net, x) => net.call(x), [], classes: 2),

        ["NanLogits: one image"] = () => Linear(NanFor(3), [NanLogits]),
        ["NanLogits: near one image"] = () => NanNear(0.02, [NanLogits]),
        ["NanLogits, near miss: farther from it than the budget"] = () => NanNear(0.13, []),
        ["NanLogits, near miss: a class ruled out by -infinity"] = () => Linear((net, x) => cat([net.call(x), full([x.shape[0], 1], double.NegativeInfinity, x.dtype)], 1), []),

        ["ConstantLogits: the image is ignored"] = () => Ignoring(),
        ["ConstantLogits, near miss: one image in copies"] = () => Copies(),
        ["ConstantLogits, near miss: the image almost ignored"] = () => InTwoBatches((net, x) => net.call(x) * 1e-3 + tensor(new[] { 0, 0, 0, 1.0 }), [ResistsHugeBudget]),
        ["ConstantLogits, near miss: one image"] = () => Linear((net, x) => net.call(x), [], count: 1),

        ["TrainMode: the root overrides train"] = () => Linear((net, x) => net.call(x), []) with { Model = new StubbornModel(), Expected = [TrainMode] },
        ["TrainMode: a child overrides train"] = () => Linear((net, x) => net.call(x), [TrainMode], child: new StubbornModel()),
        ["TrainMode: goes back to it while it predicts"] = () => Restless(),
        ["TrainMode, near miss: left in train mode"] = () => Linear((net, x) => net.call(x), [], child: nn.Dropout()),

        ["VanishingGradient: rounded"] = () => Linear((net, x) => (net.call(x) * 3).round(), [ZeroGradient, VanishingGradient], Of(new FgsmAttack(_threat))) with { Tolerated = [ResistsHugeBudget] },
        ["VanishingGradient: a gradient that leads nowhere, targeted attack"] = () => InTwoBatches(Masked, [ZeroGradient, VanishingGradient, ResistsHugeBudget]),
        ["VanishingGradient, near miss: margins of 20 to 30"] = () => Confident(),

        ["WeakerThanFgsm: an attack that does nothing"] = () => Linear((net, x) => net.call(x), [WeakerThanFgsm], Of(Idle)),
        ["WeakerThanFgsm: steps too small to get anywhere"] = () => InTwoBatches((net, x) => net.call(x), [WeakerThanFgsm], Steps(1e-6)),
        ["WeakerThanFgsm, near miss: an attack that may do less than its threat model says"] = () => Linear((net, x) => net.call(x), [], Of(new NarrowAttack(_threat))),
        ["WeakerThanFgsm, near miss: FGSM itself"] = () => Linear((net, x) => net.call(x), [], Of(new FgsmAttack(_threat))),
        ["WeakerThanFgsm, near miss: the same steps, large enough"] = () => InTwoBatches((net, x) => net.call(x), [], Steps(0.025)),

        ["ResistsHugeBudget: one class everywhere"] = () => OneClass(100, [ResistsHugeBudget]),
        ["ResistsHugeBudget, near miss: one class within the small budget"] = () => OneClass(3, []),

        ["NoGradient: detached"] = () => Linear((net, x) => net.call(x).detach(), [SquareImproves, NoGradient]),
        ["NoGradient: constant"] = () => Ignoring() with { Model = new FuncModel(x => ones([x.shape[0], 4], x.dtype)), Expected = [ConstantLogits, NoGradient] },
        ["NoGradient, near miss: half of it detached"] = () => Linear((net, x) => net.call(x) + net.call(x).detach(), []),

        ["UnconfirmedSuccess: wrong, but too far"] = () => Linear((net, x) => net.call(x), [WeakerThanFgsm, UnconfirmedSuccess], Of(new ForeignAttack(_threat, (_, x, _) => 1 - x))),
        ["UnconfirmedSuccess: beyond the box"] = () => Linear((net, x) => net.call(x), [WeakerThanFgsm, UnconfirmedSuccess], Of(new ForeignAttack(_threat, (_, x, _) => -x))),
        ["UnconfirmedSuccess, near miss: too far, but right"] = () => Linear((net, x) => net.call(x), [WeakerThanFgsm], Of(new ForeignAttack(_threat, Away))),
        ["UnconfirmedSuccess, near miss: survivors of an attack that makes no claims"] = () => Linear((net, x) => net.call(x), [], Of(new PgdAttack(_threat))),
        ["UnconfirmedSuccess, near miss: wrong and within the budget"] = () => InTwoBatches((net, x) => net.call(x), [WeakerThanFgsm], new ForeignAttack(_threat, (_, x, _) => (x + 0.05).clamp(0, 1))),
    };

    private static IAttack Idle => new ForeignAttack(_threat, (_, x, _) => x);

    private static AutoAttack Of(params IAttack[] attacks) => Of(256, attacks);

    private static AutoAttack Of(int batchSize, params IAttack[] attacks) => new(attacks[0].Threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = attacks, BatchSize = batchSize });

    private static AutoAttack Cheap() => Of(new FgsmAttack(_threat), new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 } }), new SquareAttack(_threat, new SquareOptions { Queries = 60 }));

    private static AutoAttack Targeted() => Of(new FgsmAttack(_threat), new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 5 } }));

    private static Doubt Linear(
        Func<LinearModel, Tensor, Tensor> forward, FindingKind[] expected, AutoAttack? attack = null, int classes = 4, int count = 8,
        ScalarType dtype = ScalarType.Float64, nn.Module? child = null)
    {
        var net = TinyModels.Linear(classes, dtype: dtype);
        var images = TinyModels.Images(count, dtype);
        return new Doubt(new FuncModel(x => forward(net, x), child), images, net.call(images).argmax(1).detach(), attack ?? Cheap(), expected);
    }

    /// <summary>Twelve images in two batches, none near the edges of the box; targeted APGD alone unless told otherwise.</summary>
    private static Doubt InTwoBatches(Func<LinearModel, Tensor, Tensor> forward, FindingKind[] expected, IAttack? attack = null)
    {
        var net = TinyModels.Linear();
        var images = TinyModels.Images(12, ScalarType.Float64, low: 0.1, high: 0.9);
        return new Doubt(new FuncModel(x => forward(net, x)), images, forward(net, images).argmax(1).detach(), Of(6, attack ?? new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 10 } })), expected);
    }

    private static PgdAttack Steps(double size) => new(_threat, new PgdOptions { Steps = 20, StepSize = size, Start = RandomStart.None });

    // The same answers, no gradient.
    private static Tensor Masked(LinearModel net, Tensor x) => net.call(x.detach()) + 0 * x.sum([1, 2, 3]).unsqueeze(1);

    private static Doubt Restless()
    {
        FuncModel? model = null;
        var doubt = InTwoBatches((net, x) => { model?.train(); return net.call(x); }, [TrainMode]);
        model = (FuncModel)doubt.Model;
        return doubt;
    }

    private static Doubt Half(Func<Tensor, Tensor> after, FindingKind[] expected)
    {
        var net = TinyModels.Smooth(dtype: ScalarType.Float16);
        var images = TinyModels.Images(8, ScalarType.Float16);
        return new Doubt(new FuncModel(x => after(net.call(x)), net), images, TinyModels.Predicted(net, images), Cheap(), expected);
    }

    private static Doubt Noisy(double size, FindingKind[] expected, bool boundary = false, AutoAttack? attack = null)
    {
        var net = TinyModels.Linear();
        var images = boundary ? Boundary(net, 8) : TinyModels.Images(8, ScalarType.Float64);
        var generator = new Generator(7);
        var model = new FuncModel(x => net.call(x) + randn([x.shape[0], 4], ScalarType.Float64, generator: generator) * size);
        return new Doubt(model, images, net.call(images).argmax(1).detach(), attack ?? Cheap(), expected) { Tolerated = _ofNoise };
    }

    /// <summary>Images of two different classes' middle, a hair inside the first's.</summary>
    private static Tensor Boundary(LinearModel net, int count)
    {
        using var noGrad = no_grad();
        var (pool, found) = (TinyModels.Images(64, ScalarType.Float64, seed: 8), new List<Tensor>());
        var classes = TensorAssert.Longs(net.call(pool).argmax(1));
        for (var i = 0; found.Count < count; i++)
        {
            var (from, to) = (pool.narrow(0, i, 1), pool.narrow(0, Array.FindIndex(classes, other => other != classes[i]), 1));
            var (low, high) = (0.0, 1.0);
            for (var step = 0; step < 30; step++)
            {
                var middle = (low + high) / 2;
                if (net.call(from.lerp(to, middle)).argmax(1).ToInt64() == classes[i]) low = middle;
                else high = middle;
            }
            found.Add(from.lerp(to, low));
        }
        return cat(found, 0);
    }

    /// <summary>Some images that any change breaks among 500 that no small change can.</summary>
    private static Doubt Square(int fragile, FindingKind[] expected)
    {
        using var noGrad = no_grad();
        var threat = ThreatModel.Linf(0.001);
        var net = TinyModels.Linear();
        var pool = TinyModels.Images(900, ScalarType.Float64, seed: 9);
        var (top, _) = net.call(pool).topk(2, dim: 1);
        var sturdy = pool[top.select(1, 0) - top.select(1, 1) > 0.1].narrow(0, 0, 500 - fragile);
        var images = cat([Boundary(net, fragile), sturdy], 0);
        var attack = Of(new ForeignAttack(threat, (_, x, _) => x), new SquareAttack(threat, new SquareOptions { Queries = 100 }));
        return new Doubt(net, images, net.call(images).argmax(1), attack, expected);
    }

    private static Tensor SumsToOne(LinearModel net, Tensor x)
    {
        var logits = net.call(x);
        return logits - logits.mean([1], keepdim: true) + 0.25;
    }

    private static Tensor Optimising(LinearModel net, Tensor x)
    {
        using var grad = enable_grad();
        var leaf = x.detach().clone().requires_grad_();
        net.call(leaf).logsumexp(1).sum().backward(inputs: [leaf]);
        return net.call(x + 0.001 * leaf.grad!);
    }

    private static Func<LinearModel, Tensor, Tensor> Counting()
    {
        var calls = zeros(1);
        return (net, x) =>
        {
            using var grad = enable_grad();
            calls.add_(1);
            return net.call(x);
        };
    }

    private static Func<LinearModel, Tensor, Tensor> Keeping()
    {
        var kept = new Dictionary<long, Tensor>();
        return (net, x) =>
        {
            if (!kept.TryGetValue(x.shape[0], out var one)) kept[x.shape[0]] = one = ones([x.shape[0], 1], x.dtype).DetachFromDisposeScope();
            return net.call(x) * one;
        };
    }

    private static Func<LinearModel, Tensor, Tensor> NanFor(int image)
    {
        var mark = TinyModels.Images(8, ScalarType.Float64)[image, 0, 0, 0].ToDouble();
        return (net, x) => net.call(x).masked_fill((x.select(1, 0).select(1, 0).select(1, 0) == mark).unsqueeze(1), double.NaN);
    }

    /// <summary>The first pixel of one image has no larger neighbour; beyond it by a little there are only NaN.</summary>
    private static Doubt NanNear(double distance, FindingKind[] expected)
    {
        var doubt = InTwoBatches((net, x) => net.call(x), expected, new PgdAttack(_threat, new PgdOptions { Loss = AttackLoss.Margin }));
        var first = doubt.Images.select(1, 0).select(1, 0).select(1, 0);
        var (net, limit) = (TinyModels.Linear(), first.max().ToDouble() + distance);
        return doubt with { Model = new FuncModel(x => net.call(x).masked_fill((x.select(1, 0).select(1, 0).select(1, 0) > limit).unsqueeze(1), double.NaN)) };
    }

    private static Tensor Away(IModule model, Tensor x, Tensor y) =>
        new FgsmAttack(ThreatModel.Linf(0.4)).Perturb(model, x, y, new AttackContext { Targets = y });

    private static Doubt Ignoring()
    {
        var images = TinyModels.Images(8, ScalarType.Float64);
        var model = new FuncModel(x => tensor(new double[] { 2, 0, 0, 0 }) + 0 * x.sum([1, 2, 3]).unsqueeze(1));
        return new Doubt(model, images, zeros([8], ScalarType.Int64), Cheap(), [ZeroGradient, ConstantLogits, VanishingGradient, ResistsHugeBudget]);
    }

    private static Doubt Copies()
    {
        var net = TinyModels.Linear();
        var images = TinyModels.Images(1, ScalarType.Float64).repeat(8, 1, 1, 1);
        return new Doubt(net, images, net.call(images).argmax(1).detach(), Cheap(), []);
    }

    private static Doubt Confident()
    {
        var net = TinyModels.Linear();
        var pool = TinyModels.Images(200, ScalarType.Float64, seed: 9);
        var (top, _) = net.call(pool).topk(2, dim: 1);
        var margin = (top.select(1, 0) - top.select(1, 1)).detach() * 25;
        var images = pool[(margin > 20).logical_and(margin < 30)];
        images.shape[0].Should().BeGreaterThan(10);
        return new Doubt(new FuncModel(x => net.call(x) * 25), images, net.call(images).argmax(1).detach(), Cheap(), []);
    }

    private static Doubt OneClass(double lead, FindingKind[] expected)
    {
        var net = TinyModels.Linear();
        var images = TinyModels.Images(8, ScalarType.Float64);
        return new Doubt(new FuncModel(x => net.call(x) + tensor(new[] { lead, 0, 0, 0 })), images, zeros([8], ScalarType.Int64), Cheap(), expected);
    }

    /// <summary>Changes nothing, and says that it may do less than its threat model allows.</summary>
    private sealed class NarrowAttack(ThreatModel threat) : IAttack
    {
        public string Name => "narrow";

        public ThreatModel Threat => threat;

        public bool CoversThreat => false;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images;
    }

    /// <summary>Cannot be told to leave train mode.</summary>
    private sealed class StubbornModel() : nn.Module<Tensor, Tensor>(nameof(StubbornModel))
    {
        public override void train(bool on = true)
        {
        }

        public override Tensor forward(Tensor input) => TinyModels.Linear().call(input);
    }
}
