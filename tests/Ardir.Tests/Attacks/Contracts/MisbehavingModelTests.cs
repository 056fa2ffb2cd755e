using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>Models that would make a result meaningless, or bring the process down, end in a message instead.</summary>
public sealed class MisbehavingModelTests
{
    private static readonly Dictionary<string, (Func<LinearModel, Tensor, Tensor> Forward, string Says)> _table = new()
    {
        ["NaN"] = ((m, x) => m.call(x) * double.NaN, "*NaN logits*"),
        ["NaN for one sample"] = ((m, x) => m.call(x) + where(arange(x.shape[0]) == 0, double.NaN, 0.0).unsqueeze(1), "*NaN logits*"),
        ["null"] = ((_, _) => null!, "*null*"),
        ["disposed"] = ((m, x) => { var z = m.call(x); z.Dispose(); return z; }, "*returned a tensor that has been disposed*MoveToOuterDisposeScope*"),
        ["vector"] = ((m, x) => m.call(x).select(1, 0), "*[3]*expected floating-point logits [3,K]*"),
        ["map"] = ((m, x) => m.call(x).unsqueeze(2), "*[3,4,1]*"),
        ["wrong batch"] = ((m, x) => m.call(x).narrow(0, 0, 2), "*[2,4] for 3 images*"),
        ["integers"] = ((m, x) => m.call(x).to(ScalarType.Int64), "*Int64*floating-point*"),
        ["one class"] = ((m, x) => m.call(x).narrow(1, 0, 1), "*at least two classes*[-s, s]*"),
        ["detached"] = ((m, x) => m.call(x.detach()).detach(), "*does not depend on its input*"),
        ["only parameters"] = ((m, x) => m.call(x.detach()), "*does not depend on its input*"),
        ["under no_grad"] = ((m, x) => { using (no_grad()) return m.call(x); }, "*does not depend on its input*"),
        ["constant"] = ((_, x) => ones([x.shape[0], 4], x.dtype), "*does not depend on its input*"),
        ["infinite gradient"] = ((m, x) => m.call(x) + (x - x).sum([1, 2, 3]).abs().sqrt().unsqueeze(1), "*gradient*NaN or infinite*"),
    };

    public static TheoryData<string> Rows => [.. _table.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Perturb_MisbehavingModel_SaysWhatIsWrong(string row)
    {
        using var scope = NewDisposeScope();
        var (forward, says) = _table[row];
        var linear = TinyModels.Linear();
        using var model = new FuncModel(x => forward(linear, x), linear);
        model.train();
        foreach (var attack in new IAttack[] { new FgsmAttack(ThreatModel.Linf(0.1)), new PgdAttack(ThreatModel.L2(0.1)) })
        {
            var act = () => attack.Perturb(model, Images(), Labels());
            act.Should().Throw<InvalidOperationException>().WithMessage(says);
            model.training.Should().BeTrue();
            linear.training.Should().BeTrue();
        }
    }

    [Fact]
    public void Perturb_ModelThatThrows_RestoresEveryMode()
    {
        using var scope = NewDisposeScope();
        using var inner = TinyModels.Smooth();
        using var model = new FuncModel(_ => throw new InvalidDataException("on purpose"), inner);
        model.train();
        inner.children().First().eval();
        var act = () => new FgsmAttack(ThreatModel.Linf(0.1)).Perturb(model, Images(), Labels());
        act.Should().Throw<InvalidDataException>().WithMessage("on purpose");
        model.training.Should().BeTrue();
        inner.children().Select(child => child.training).Should().Equal(false, true, true, true, true, true);
        is_grad_enabled().Should().BeTrue();
    }

    [Fact]
    public void Perturb_EvalRootWithTrainingChild_RestoresBoth()
    {
        using var scope = NewDisposeScope();
        using var inner = TinyModels.Smooth(dtype: ScalarType.Float64);
        var modes = new List<bool>();
        using var model = new FuncModel(x => { modes.Add(inner.training); return inner.call(x); }, inner);
        model.eval();
        inner.train();
        new FgsmAttack(ThreatModel.Linf(0.1)).Perturb(model, Images(), Labels());
        modes.Should().Equal(false);
        (model.training, inner.training).Should().Be((false, true));
    }

    [Fact]
    public void Perturb_ClassesChangeBetweenSteps_Refused()
    {
        using var scope = NewDisposeScope();
        var linear = TinyModels.Linear();
        var calls = 0;
        using var model = new FuncModel(x => ++calls > 1 ? linear.call(x).narrow(1, 0, 3) : linear.call(x), linear);
        var act = () => new PgdAttack(ThreatModel.L2(0.1)).Perturb(model, Images(), Labels());
        act.Should().Throw<InvalidOperationException>().WithMessage("*3 classes after 4*");
    }

    [Fact]
    public void Perturb_SaturatedModel_WarnsThatTheGradientIsZero()
    {
        using var scope = NewDisposeScope();
        var linear = TinyModels.Linear();
        using var model = new FuncModel(x => linear.call(x).round() , linear);
        var logger = new ListLogger();
        // The last image has another class's label: it is broken already.
        var labels = TinyModels.Predicted(model, Images());
        var threat = ThreatModel.Linf(1e-4);
        new PgdAttack(threat).Perturb(model, Images(), labels, new AttackContext { Logger = logger });
        logger.Entries.Should().ContainSingle().Which.Should().Match<(LogLevel Level, string Message)>(
            entry => entry.Level == LogLevel.Warning && entry.Message.Contains("for 2 of 3 images") && entry.Message.Contains("masks its gradients"));
        var quiet = new ListLogger();
        new PgdAttack(threat).Perturb(linear, Images(), labels, new AttackContext { Logger = quiet });
        quiet.Entries.Should().BeEmpty();
    }

    [Fact]
    public void Perturb_InsideInferenceMode_RefusedClearly()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var (images, labels) = (Images(), Labels());
        using var mode = inference_mode();
        var act = () => new FgsmAttack(ThreatModel.Linf(0.1)).Perturb(model, images, labels);
        act.Should().Throw<InvalidOperationException>().WithMessage("*inference_mode*no_grad*");
    }

    [Fact]
    public void Perturb_LossOfTheWrongShape_NamesTheLoss()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var loss = AttackLoss.Custom("mean", (z, _) => z.mean());
        var act = () => new FgsmAttack(ThreatModel.Linf(0.1), new FgsmOptions { Loss = loss }).Perturb(model, Images(), Labels());
        act.Should().Throw<InvalidOperationException>().WithMessage("*'mean'*expected [3]*");
    }

    [Fact]
    public void Perturb_LossThatIgnoresTheLogits_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var loss = AttackLoss.Custom("flat", (z, _) => zeros([z.shape[0]]));
        var act = () => new FgsmAttack(ThreatModel.Linf(0.1), new FgsmOptions { Loss = loss }).Perturb(model, Images(), Labels());
        act.Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void Search_ThatStrays_IsPutBackIntoTheThreatSet()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = Images();
        foreach (var threat in new[] { ThreatModel.Linf(0.1), ThreatModel.L2(0.2), ThreatModel.L1(0.5) })
        {
            var found = new StrayAttack(threat).Perturb(model, images, Labels());
            TensorAssert.AllTrue(threat.Contains(images, found));
            TensorAssert.Same(found[0], images[0]);
            TensorAssert.Same(found.narrow(0, 1, 2), threat.Project(images, images + 0.7).narrow(0, 1, 2));
        }
    }

    [Fact]
    public void Search_ThatReturnsItsInput_GivesTheCallerACopy()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = Images();
        var found = new IdleAttack(ThreatModel.Linf(0.1)).Perturb(model, images, Labels());
        found.zero_();
        images.sum().ToDouble().Should().BePositive();
    }

    private static Tensor Images() => TinyModels.Images(3, ScalarType.Float64);

    private static Tensor Labels() => TinyModels.Labels(3);

    private sealed class StrayAttack(ThreatModel threat) : Attack(threat)
    {
        public override string Name => "stray";

        protected override Tensor Search(AttackRun run)
        {
            var far = run.Images + 0.7;
            far[0] = run.Images[0];
            return far;
        }
    }

    private sealed class IdleAttack(ThreatModel threat) : Attack(threat)
    {
        public override string Name => "idle";

        protected override Tensor Search(AttackRun run) => run.Images;
    }
}
