using Ardir.Core;

namespace Ardir.Tests;

public sealed class ThreatModelTests
{
    [Theory]
    [InlineData(0.0)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Create_EpsilonNotPositiveFinite_Throws(double radius)
    {
        foreach (var create in new Func<double, ThreatModel>[] { ThreatModel.Linf, ThreatModel.L2, ThreatModel.L1 })
        {
            var act = () => create(radius);
            act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("epsilon").WithMessage("*8/255*");
        }
    }

    [Fact]
    public void Linf_EpsilonOfBytePixels_HintsAtDivision()
    {
        var act = () => ThreatModel.Linf(8);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*8/255.0*");
        ThreatModel.Linf(1).Epsilon.Should().Be(1);
        ThreatModel.L1(12).Epsilon.Should().Be(12);
    }

    [Fact]
    public void Equality_SameNormAndEpsilon_Equal()
    {
        ThreatModel.L2(0.5).Should().Be(ThreatModel.L2(0.5)).And.NotBe(ThreatModel.L1(0.5)).And.NotBe(ThreatModel.L2(0.6));
        ThreatModel.L2(0.5).ToString().Should().Be("L2(0.5)");
        ThreatModel.L2(0.5).Norm.Should().Be(PerturbationNorm.L2);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, 0.4, 0.25)]
    [InlineData(PerturbationNorm.L2, 0.5, 0.25)]
    [InlineData(PerturbationNorm.L1, 0.7, 0.25)]
    public void Distance_KnownDifference_IsTheNorm(PerturbationNorm norm, double first, double second)
    {
        using var scope = NewDisposeScope();
        var a = tensor(new[] { 0.5, 0.1, 0.9, 0.5, 0.5, 0.5 }, [2, 1, 1, 3]);
        var b = tensor(new[] { 0.1, 0.4, 0.9, 0.25, 0.5, 0.5 }, [2, 1, 1, 3]);
        TensorAssert.Close(Balls.Of(norm, 0.1).Distance(a, b), [first, second], 1e-15);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Contains_AroundTheTolerance_SeparatesInsideFromOutside(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        const double Epsilon = 0.25;
        var allowed = Epsilon * (1 + 1e-6) + 1e-7;
        var x = full([3, 1, 1, 2], 0.5, ScalarType.Float64);
        var y = tensor(new[] { 0.5 + Epsilon, 0.5, 0.5 - allowed + 1e-12, 0.5, 0.5 + allowed + 1e-12, 0.5 }, [3, 1, 1, 2]);
        Balls.Of(norm, Epsilon).Contains(x, y).data<bool>().ToArray().Should().Equal(true, true, false);
    }

    [Fact]
    public void Contains_OutsideTheBoxOrNaN_False()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 0.0, 1.0, 0.5, 0.5 }, [4, 1, 1, 1]);
        var y = tensor(new[] { -1e-12, 1 + 1e-12, double.NaN, 0.5 }, [4, 1, 1, 1]);
        ThreatModel.Linf(0.1).Contains(x, y).data<bool>().ToArray().Should().Equal(false, false, false, true);
    }

    [Fact]
    public void Project_MismatchedOrBadTensors_NamesTheArgument()
    {
        using var scope = NewDisposeScope();
        var threat = ThreatModel.L2(0.5);
        var x = zeros(2, 1, 2, 2);
        var table = new (Tensor Candidate, string Says)[]
        {
            (zeros(2, 1, 2, 3), "*candidate*[2,1,2,3]*"),
            (zeros([2, 1, 2, 2], ScalarType.Float64), "*candidate*Float64*"),
            (zeros([2, 1, 2, 2], ScalarType.Int32), "*candidate*floating*"),
            (full([2, 1, 2, 2], float.NaN), "*candidate*NaN*"),
            (full([2, 1, 2, 2], float.PositiveInfinity), "*candidate*infinite*"),
        };
        foreach (var (candidate, says) in table)
        {
            var act = () => threat.Project(x, candidate);
            act.Should().Throw<ArgumentException>().WithMessage(says).WithParameterName("candidate");
        }
        var missing = () => threat.Project(null!, x);
        missing.Should().Throw<ArgumentNullException>().WithParameterName("reference");
        var gone = x.clone();
        gone.Dispose();
        var disposed = () => threat.Distance(x, gone);
        disposed.Should().Throw<ArgumentException>().WithMessage("*disposed*").WithParameterName("b");
    }
}
