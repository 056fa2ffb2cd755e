using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Models that write into what they are given are told so by everything that calls a model.</summary>
public sealed class InPlaceModelTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    private static readonly Dictionary<string, (Func<LinearModel, Tensor, Tensor> Forward, string Says)> _models = new()
    {
        ["sub_"] = ((net, x) => net.call(x.sub_(0.5)), "*changes its input in place*images.sub(mean)*"),
        ["of a view"] = ((net, x) => { x.select(1, 0).mul_(2); return net.call(x); }, "*changes its input in place*"),
        ["of an alias"] = ((net, x) => net.call(x.detach().clamp_(0.2, 0.8)), "*changes its input in place*"),
        ["under no_grad"] = ((net, x) => { using (no_grad()) x.mul_(0.5); return net.call(x); }, "*changes its input in place*"),
        ["only the shape"] = ((net, x) => net.call(x.unsqueeze_(0).squeeze(0)), "*changes its input in place*"),
        ["dispose"] = ((net, x) => { var result = net.call(x * 1); x.Dispose(); return result; }, "*disposed its input*"),
    };

    private static readonly Dictionary<string, Action<IModule, Tensor, Tensor>> _callers = new()
    {
        ["FGSM"] = (model, x, y) => new FgsmAttack(_threat).Perturb(model, x, y),
        ["FGSM on KL"] = (model, x, y) => new FgsmAttack(_threat, new FgsmOptions { Loss = AttackLoss.KlToClean, Start = RandomStart.Gaussian }).Perturb(model, x, y),
        ["PGD"] = (model, x, y) => new PgdAttack(_threat).Perturb(model, x, y),
        ["APGD"] = (model, x, y) => new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 } }).Perturb(model, x, y),
        ["FAB"] = (model, x, y) => new FabAttack(_threat, new FabOptions { Iterations = 2 }).Perturb(model, x, y),
        ["Square"] = (model, x, y) => new SquareAttack(_threat, new SquareOptions { Queries = 5 }).Perturb(model, x, y),
        ["DeepFool"] = (model, x, y) => new DeepFoolAttack(ThreatModel.L2(0.1)).Perturb(model, x, y),
        ["worst case"] = (model, x, y) => new WorstCaseAttack("two", new FgsmAttack(_threat), new PgdAttack(_threat)).Perturb(model, x, y),
        ["AutoAttack"] = (model, x, y) => new AutoAttack(_threat).Evaluate(model, x, y).Dispose(),
        ["AutoAttack without diagnosis"] = (model, x, y) => Bare(new SquareAttack(_threat, new SquareOptions { Queries = 5 })).Evaluate(model, x, y).Dispose(),
        ["AutoAttack, foreign attack"] = (model, x, y) => Bare(new ForeignAttack(_threat, (_, images, _) => images)).Evaluate(model, x, y).Dispose(),
        ["evaluator"] = (model, x, y) => RobustnessEvaluator.Evaluate(model, Data(x, y)),
        ["evaluator with an attack"] = (model, x, y) => RobustnessEvaluator.Evaluate(model, Data(x, y), new SquareAttack(_threat, new SquareOptions { Queries = 5 })),
    };

    public static TheoryData<string, string> Rows
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (var model in _models.Keys)
                foreach (var caller in _callers.Keys) rows.Add(model, caller);
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void ModelThatWritesIntoItsInput_IsRefusedInWords(string model, string caller)
    {
        using var scope = NewDisposeScope();
        var net = TinyModels.Linear(dtype: ScalarType.Float32);
        var (images, labels) = (TinyModels.Images(4), TinyModels.Labels(4));
        var before = images.clone();
        var (forward, says) = _models[model];
        var act = () => _callers[caller](new FuncModel(x => forward(net, x), net), images, labels);
        act.Should().Throw<InvalidOperationException>().WithMessage(says);
        TensorAssert.Same(images, before);
    }

    [Fact]
    public void ModelsThatOnlySeemTo_AreNotRefused()
    {
        using var scope = NewDisposeScope();
        var net = TinyModels.Linear(dtype: ScalarType.Float32);
        Func<Tensor, Tensor>[] forwards =
        [
            x => net.call((x * 2).sub_(1)),                         // in place on its own tensor
            x => net.call(x.clamp(0, 1).clamp_(0, 1)),
            x => net.call(x.requires_grad ? x : x.detach()),
        ];
        foreach (var forward in forwards)
            foreach (var caller in _callers)
            {
                var act = () => caller.Value(new FuncModel(forward, net), TinyModels.Images(4), TinyModels.Labels(4));
                act.Should().NotThrow("{0}", caller.Key);
            }
    }

    [Fact]
    public void Perturb_Watched_LeavesNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        var net = TinyModels.Linear(dtype: ScalarType.Float32);
        var (images, labels) = (TinyModels.Images(4), TinyModels.Labels(4));
        LeakAssert.None(() => new SquareAttack(_threat, new SquareOptions { Queries = 5 }).Perturb(net, images, labels).Dispose());
        var broken = new FuncModel(x => net.call(x.sub_(0.5)));
        LeakAssert.None(() => FluentActions.Invoking(() => new SquareAttack(_threat).Perturb(broken, images, labels)).Should().Throw<InvalidOperationException>());
    }

    private static AutoAttack Bare(IAttack attack) => new(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [attack], Diagnose = false });

    private static ImageDataset Data(Tensor images, Tensor labels) => new((images * 255).to(ScalarType.Byte), labels);
}
