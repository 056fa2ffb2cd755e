using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What a threat model of one's own gets from the base: checks, defaults, identity.</summary>
public sealed class UserThreatTests
{
    [Fact]
    public void Project_AndContains_FollowFromOneHook()
    {
        using var scope = NewDisposeScope();
        var threat = new MaskThreat(tensor(new[] { true, false, true }), 0.25);
        var x = tensor(new[] { 0.5, 0.5, 0.9 }, [1, 3]);
        TensorAssert.Close(threat.Project(x, tensor(new[] { 0.9, 0.9, 1.3 }, [1, 3])), [0.75, 0.5, 1], 0);
        TensorAssert.Same(threat.ProjectStep(x, x), x);
        bool Inside(params double[] point) => threat.Contains(x, tensor(point, [1, 3])).ToBoolean();
        Inside(0.75, 0.5, 1).Should().BeTrue();
        Inside(0.75 + 1e-7, 0.5, 1).Should().BeTrue("rounding is allowed");
        Inside(0.75 + 1e-5, 0.5, 1).Should().BeFalse();
        Inside(0.5, 0.5 + 1e-5, 1).Should().BeFalse("the mask forbids it");
        Inside(0.5, 0.5, 1 + 1e-9).Should().BeFalse("the box has no tolerance");
        Inside(double.NaN, 0.5, 1).Should().BeFalse();
        TensorAssert.Close(threat.Distance(x, tensor(new[] { 0.25, 0.75, 0.95 }, [1, 3])), [0.25], 1e-15);
        TensorAssert.Close(threat.SteepestAscent(tensor(new[] { 3.0, -0.1, 0 }, [1, 3])), [1, -1, 0], 0);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Contains_ProjectionInAnyDtype_IsInside(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var x = TinyModels.Random([32, 3, 2, 2], 4, dtype, -1, 1);
        var threats = new ThreatModel[]
        {
            new BoxThreat(0.3, -1, 1), new ColumnThreat([-1, -1, -1], [1, 1, 1], [0.1, 0.2, 0.3]),
        };
        foreach (var threat in threats)
        {
            var projected = threat.Project(x, TinyModels.Random([32, 3, 2, 2], 5, dtype, -3, 3));
            TensorAssert.AllTrue(threat.Contains(x, projected));
            TensorAssert.Different(projected, x);
        }
    }

    [Theory]
    [InlineData(RandomStart.None)]
    [InlineData(RandomStart.Uniform)]
    [InlineData(RandomStart.UniformUnclamped)]
    [InlineData(RandomStart.RandomRadius)]
    [InlineData(RandomStart.Gaussian)]
    [InlineData(RandomStart.GaussianUnclamped)]
    public void SampleStart_OfEveryKind_IsInsideAndDependsOnTheSampleAlone(RandomStart kind)
    {
        using var scope = NewDisposeScope();
        var threat = new BoxThreat(0.3, -1, 1);
        var x = TinyModels.Random([6, 5], 4, ScalarType.Float64, -1, 1);
        var start = threat.SampleStart(x, kind, seed: 3);
        TensorAssert.AllTrue(threat.Contains(x, start));
        TensorAssert.Same(threat.SampleStart(x.narrow(0, 4, 2), kind, seed: 3, [4, 5]), start.narrow(0, 4, 2));
        if (kind == RandomStart.None) TensorAssert.Same(start, x);
        else TensorAssert.Different(start, x);
    }

    [Fact]
    public void CheckInputs_OutsideOfTheBox_NamesValueAndBounds()
    {
        using var scope = NewDisposeScope();
        var threat = new BoxThreat(0.3, -1, 1);
        threat.CheckInputs(tensor(new[] { -1.0, 1 + 1e-6 }, [1, 2]));
        var low = tensor(new[] { -1.5, 0 }, [1, 2]);
        threat.Invoking(t => t.CheckInputs(low)).Should().Throw<ArgumentException>().WithMessage("low has values from -1.5 to 0; *[-1,1]*");
        var row = zeros(3);
        threat.Invoking(t => t.CheckInputs(row)).Should().Throw<ArgumentException>().WithMessage("row has shape [3]*[N,F]*");
        var mask = new MaskThreat(ones(3, ScalarType.Bool), 0.1);
        mask.Invoking(t => t.CheckInputs(zeros(2, 4), "rows")).Should().Throw<ArgumentException>().WithMessage("Another shape*").WithParameterName("rows");
    }

    [Fact]
    public void Equality_IsThatOfClassAndText()
    {
        using var scope = NewDisposeScope();
        ThreatModel first = new MaskThreat(tensor(new[] { true, false }), 0.1), same = new MaskThreat(tensor(new[] { true, false }), 0.1);
        ThreatModel other = new MaskThreat(tensor(new[] { false, true }), 0.1);
        (first == same).Should().BeTrue();
        (first != other).Should().BeTrue("the masks differ");
        first.GetHashCode().Should().Be(same.GetHashCode());
        first.Equals((object?)null).Should().BeFalse();
        (first == null).Should().BeFalse();
        new PatchThreat(0, 0, 2).Equals(new PatchThreat(0, 0, 2)).Should().BeTrue();
        new Twin("L2(0.5)", 0.5).Equals(ThreatModel.L2(0.5)).Should().BeFalse("another class with the same text");
    }

    [Fact]
    public void Constructor_ImpossibleNumbers_NameTheArgument()
    {
        foreach (var epsilon in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            FluentActions.Invoking(() => new BoxThreat(epsilon, 0, 1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("epsilon");
        foreach (var maximum in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            FluentActions.Invoking(() => new BoxThreat(1, 0, maximum)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("maximum");
        FluentActions.Invoking(() => new BoxThreat(1, double.NegativeInfinity, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("minimum");
    }

    [Fact]
    public void Hooks_ThatReturnTheirArgument_GiveTheCallerATensorOfItsOwn()
    {
        using var scope = NewDisposeScope();
        var threat = new Twin("all", 1);
        var (x, y) = (full([2, 3], 0.5), full([2, 3], 0.25));
        foreach (var own in new[] { threat.Project(x, y), threat.ProjectStep(x, y), threat.Clamp(y), threat.SampleStart(y, RandomStart.None, 1) })
        {
            own.zero_();
            TensorAssert.Values(y).Should().OnlyContain(value => value == 0.25);
        }
        threat.Invoking(t => t.ProjectStep(x.to(ScalarType.Float16), y.to(ScalarType.Float16))).Should().Throw<InvalidOperationException>()
            .WithMessage("*Twin returned Float64 [2,3] on cpu; expected Float16 [2,3]*.to(reference.dtype)*");
    }

    [Fact]
    public void Operations_OfAnyThreat_LeaveNoTensorBehind()
    {
        using var x = TinyModels.Random([4, 1, 4, 4], 1);
        using var y = TinyModels.Random([4, 1, 4, 4], 2);
        foreach (var threat in new ThreatModel[] { new SparseThreat(3), new PatchThreat(1, 1, 2), ThreatModel.L2(0.5), ThreatModel.L1(1) })
            LeakAssert.None(() =>
            {
                threat.CheckInputs(x);
                threat.Project(x, y).Dispose();
                threat.ProjectStep(x, y).Dispose();
                threat.Contains(x, y).Dispose();
                threat.Distance(x, y).Dispose();
                threat.Clamp(y).Dispose();
                threat.SteepestAscent(y, 0.1).Dispose();
                threat.SampleStart(x, RandomStart.Uniform, 1).Dispose();
            });
    }

    private sealed class Twin(string text, double epsilon) : ThreatModel(epsilon)
    {
        public override string ToString() => text;

        protected override Tensor ProjectCore(Tensor reference, Tensor candidate) =>
            candidate.dtype == ScalarType.Float16 ? candidate.to(ScalarType.Float64) : candidate;

        protected override Tensor ClampCore(Tensor inputs) => inputs;

        protected override Tensor SampleStartCore(Tensor inputs, RandomStart kind, SampleStreams streams) => inputs;
    }
}
