using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A user's threat model that is slightly wrong: the library says so, blames neither attack nor model, and never takes the model
/// for robust.</summary>
public sealed class FaultyThreatTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor, Tensor>> _contradicting = new()
    {
        ["NaN"] = (_, y) => y * float.NaN,
        ["NaN in some rows"] = (x, y) => where(x.narrow(1, 0, 1) > 0.5, y.clamp(0, 1), y * float.NaN),
        ["shrinks"] = (x, y) => (x + (y - x) * 0.5).clamp(0, 1),
        ["drifts"] = (x, y) => (y.clamp(x - 0.5, x + 0.5) + 0.01).clamp(0, 1),
        ["leaves the box"] = (_, y) => y,
    };

    public static TheoryData<string, string> Contradicting
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var row in _contradicting.Keys)
                foreach (var way in new[] { "PGD", "APGD", "evaluator", "AutoAttack" }) data.Add(row, way);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Contradicting))]
    public void Projection_ThatContradictsItself_IsNamedAsTheFault(string row, string way)
    {
        using var scope = NewDisposeScope();
        var threat = new FuncThreat(_contradicting[row]);
        using var model = TinyModels.Linear(inputs: 6);
        var rows = TinyModels.Random([8, 6], 3);
        var labels = model.call(rows).argmax(1);
        var search = new ApgdOptions { Search = new() { Iterations = 5 } };
        Action act = way switch
        {
            "PGD" => () => new PgdAttack(threat).Perturb(model, rows, labels),
            "APGD" => () => new ApgdAttack(threat, search).Perturb(model, rows, labels),
            "evaluator" => () => RobustnessEvaluator.Evaluate(model, rows, labels, new PgdAttack(threat)),
            _ => () => new AutoAttack(
                threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new ApgdAttack(threat, search)] })
                .Evaluate(model, rows, labels).Dispose(),
        };
        act.Should().Throw<InvalidOperationException>()
            .WithMessage("The threat model Func*FuncThreat*does not contain what its own projection returned*ProjectCore*");
        LeakAssert.None(() => FluentActions.Invoking(act).Should().Throw<InvalidOperationException>());
    }

    [Theory]
    [InlineData("shrinks")]
    [InlineData("drifts")]
    [InlineData("leaves the box")]
    public void Projection_ThatContradictsItself_IsNamedByTheDiagnosticsOfALoop(string row)
    {
        using var scope = NewDisposeScope();
        var threat = new FuncThreat(_contradicting[row]);
        using var model = TinyModels.Linear(inputs: 6);
        var rows = TinyModels.Random([8, 6], 3);
        var labels = model.call(rows).argmax(1);
        using var diagnostics = new AttackDiagnostics();
        new PgdAttack(threat).Perturb(model, rows, labels, new AttackContext { Diagnostics = diagnostics });

        FluentActions.Invoking(() => diagnostics.Report()).Should().Throw<InvalidOperationException>()
            .WithMessage("* images outside of the threat model Func* were returned by the projection of *FuncThreat itself, for the attack PGD*ProjectCore*");
        // What was reported is forgotten.
        diagnostics.Report();
    }

    [Fact]
    public void Check_AnswerOfAForeignAttack_CountsTheImagesOutside()
    {
        using var scope = NewDisposeScope();
        var threat = ThreatModel.Linf(0.1);
        var images = full([4, 1, 2, 2], 0.5f);
        var found = images.clone();
        found[0] = 0.6f;
        found[1] = 0.7f;
        found[2] = float.NaN;
        using var diagnostics = new AttackDiagnostics();

        diagnostics.Check("foreign", threat, images, images + 0.1);
        diagnostics.Report();
        diagnostics.Check("foreign", threat, images, found);
        diagnostics.Check("foreign", threat, images, found);

        FluentActions.Invoking(() => diagnostics.Report()).Should().Throw<InvalidOperationException>()
            .WithMessage("4 images outside of the threat model Linf*were returned by the attack foreign, although that is the threat model it states.*");
        diagnostics.Check("foreign", threat, images, found);
        LeakAssert.None(() =>
        {
            using var other = new AttackDiagnostics();
            other.Check("foreign", threat, images, images);
        });
    }

    [Fact]
    public void Hooks_ThatReturnSomethingElse_SayWhatAndWhatWasExpected()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (full([2, 3], 0.5f), full([2, 3], 0.75f));
        void Refused(Func<Tensor, Tensor, Tensor> project, string message) => FluentActions.Invoking(() => new FuncThreat(project).Project(x, y))
            .Should().Throw<InvalidOperationException>().WithMessage($"*FuncThreat returned {message}; expected Float32 [2,3] on cpu*");
        Refused((_, _) => null!, "null");
        Refused((_, p) => p.to(ScalarType.Float64), "Float64 [2,3] on cpu");
        Refused((_, p) => p.unsqueeze(0), "Float32 [1,2,3] on cpu");
        Refused((_, p) => p.to(META), "Float32 [2,3] on meta");
        Refused((_, p) =>
        {
            var gone = p.clone();
            gone.Dispose();
            return gone;
        }, "a tensor that has been disposed");
        FluentActions.Invoking(() => new FuncThreat((_, p) => p, contains: (_, p) => p).Contains(x, y))
            .Should().Throw<InvalidOperationException>().WithMessage("*returned Float32 [2,3] on cpu; expected Bool [2] on cpu*");
        FluentActions.Invoking(() => new FuncThreat((_, p) => p, distance: (_, p) => p.sum()).Distance(x, y))
            .Should().Throw<InvalidOperationException>().WithMessage("*returned Float32 [] on cpu; expected Float32 [2] on cpu*");
    }

    [Fact]
    public void Hooks_ThatReturnViewsOrDisposeTheirArguments_LeaveTheCallersTensorsAlone()
    {
        using var scope = NewDisposeScope();
        using var kept = full([2, 3], 0.5f).DetachFromDisposeScope();
        var (x, y) = (full([2, 3], 0.25f), full([2, 3], 0.75f));
        foreach (var project in new Func<Tensor, Tensor, Tensor>[]
        {
            (_, p) => p.alias(), (r, _) => r.view(r.shape), (_, p) => p.to(ScalarType.Float32), (_, _) => kept,
            (r, p) =>
            {
                var copy = p.clone();
                r.Dispose();
                p.Dispose();
                return copy;
            },
        })
        {
            var threat = new FuncThreat(project);
            foreach (var result in new[] { threat.Project(x, y), threat.ProjectStep(x, y) })
            {
                result.fill_(9);
                result.Dispose();
            }
            TensorAssert.Values(x).Should().OnlyContain(value => value == 0.25);
            TensorAssert.Values(y).Should().OnlyContain(value => value == 0.75);
            TensorAssert.Values(kept).Should().OnlyContain(value => value == 0.5);
        }
    }

    [Fact]
    public void Contains_ProjectionInPlace_IsNotComparedWithItself()
    {
        using var scope = NewDisposeScope();
        var threat = new FuncThreat((x, y) => y.sub_(x).clamp_(-0.1, 0.1).add_(x));
        var (x, y) = (full([1, 3], 0.5), full([1, 3], 0.75));
        threat.Contains(x, y).item<bool>().Should().BeFalse();
        TensorAssert.Values(y).Should().OnlyContain(value => value == 0.75);
    }

    [Fact]
    public void Hooks_OfClampAndCheck_RunInsideAScopeLikeTheOthers()
    {
        using var x = TinyModels.Random([2, 3], 1);
        var threat = new FuncThreat((_, y) => y, clamp: inputs => maximum(minimum(inputs, ones(3)), zeros(3)).to(inputs.dtype));
        LeakAssert.None(() => threat.Clamp(x).Dispose());
        LeakAssert.None(() => threat.CheckInputs(x));
    }

    private sealed class FuncThreat(
        Func<Tensor, Tensor, Tensor> project, Func<Tensor, Tensor, Tensor>? contains = null, Func<Tensor, Tensor, Tensor>? distance = null,
        Func<Tensor, Tensor>? clamp = null) : ThreatModel(0.5)
    {
        public override string ToString() => "Func";

        protected override Tensor ProjectCore(Tensor reference, Tensor candidate) => project(reference, candidate);

        protected override Tensor ContainsCore(Tensor reference, Tensor candidate) =>
            contains?.Invoke(reference, candidate) ?? base.ContainsCore(reference, candidate);

        protected override Tensor DistanceCore(Tensor a, Tensor b) => distance?.Invoke(a, b) ?? base.DistanceCore(a, b);

        protected override Tensor ClampCore(Tensor inputs) => clamp?.Invoke(inputs) ?? base.ClampCore(inputs);

        protected override void CheckInputsCore(Tensor inputs, string name, bool inBounds)
        {
            base.CheckInputsCore(inputs, name, inBounds);
            if (inputs.isnan().any().item<bool>()) throw new ArgumentException("NaN", name);
        }
    }
}
