using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Arguments that no operation can work with are named before it begins, in a norm ball and in a threat model of one's own.</summary>
public sealed class ThreatArgumentTests
{
    private static readonly ThreatModel[] _threats =
        [ThreatModel.Linf(0.25), ThreatModel.L2(0.25), ThreatModel.L1(0.25), new BoxThreat(0.25, 0, 1)];

    [Fact]
    public void TwoTensors_ThatDoNotFit_AreNamed()
    {
        using var scope = NewDisposeScope();
        var x = full([2, 3], 0.5, ScalarType.Float64);
        // The first would be broadcast, the others would be converted or compared without a word.
        Tensor[] wrong = [full([1, 3], 0.5, ScalarType.Float64), full([2, 3], 0.5, ScalarType.Float32), ones([2, 3], ScalarType.Int64)];
        foreach (var threat in _threats)
        {
            foreach (var y in wrong)
            {
                Refused("candidate", () => threat.Project(x, y, checkValues: false));
                Refused("candidate", () => threat.ProjectStep(x, y));
                Refused("candidate", () => threat.Contains(x, y));
                Refused("b", () => threat.Distance(x, y));
            }
            Refused("reference", () => threat.Project(null!, x, checkValues: false));
            Refused("reference", () => threat.ProjectStep(null!, x));
            Refused("reference", () => threat.Contains(null!, x));
            Refused("a", () => threat.Distance(null!, x));
        }
    }

    [Fact]
    public void OneTensor_OfAnotherKind_IsNamed()
    {
        using var scope = NewDisposeScope();
        var streams = SampleStreams.ForSamples(seed: 1, indices: null, count: 3);
        var whole = ones([2, 3], ScalarType.Int64);
        foreach (var threat in _threats)
        {
            Refused("inputs", () => threat.Clamp(null!));
            Refused("gradient", () => threat.SteepestAscent(whole));
            Refused("gradient", () => threat.SteepestAscent(whole, 0.5));
            Refused("inputs", () => threat.SampleStart(null!, RandomStart.Uniform, 1));
            Refused("inputs", () => threat.SampleStart(null!, RandomStart.None, streams));
            Refused("inputs", () => threat.SampleStart(zeros(3), RandomStart.None, streams));
            Refused("streams", () => threat.SampleStart(zeros(2, 3), RandomStart.None, null!));
        }
        foreach (var ball in _threats.OfType<NormThreatModel>())
        {
            Refused("perturbations", () => ball.Measure(whole));
            Refused("gradients", () => ball.MeasureDual(whole));
            Refused("inputs", () => ball.RandomDirection(zeros(3), streams));
            Refused("streams", () => ball.RandomDirection(zeros(3, 2), null!));
        }
        Refused("values", () => Hashed.Text(null!));
        Refused("values", () => Hashed.Text(eye(3).to_sparse()));
    }

    [Fact]
    public void SteepestAscent_ShareOutsideOfItsRange_IsRefused()
    {
        using var scope = NewDisposeScope();
        var gradient = tensor(new[] { 3.0, -1, 0, 2 }, [1, 4]);
        foreach (var threat in _threats)
        {
            foreach (var share in new[] { 0, -0.5, 1.5, double.NaN })
                threat.Invoking(t => t.SteepestAscent(gradient, share)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("share");
        }
        TensorAssert.Close(ThreatModel.L1(1).SteepestAscent(gradient, 1), [1 / 3.0, -1 / 3.0, 0, 1 / 3.0], 1e-15);
    }

    [Fact]
    public void Measures_AreTheNormAndItsDual()
    {
        using var scope = NewDisposeScope();
        var rows = tensor(new[] { 3.0, -4, 0, 0, 0.5, -0.25 }, [2, 3]);
        (NormThreatModel Ball, double[] Norm, double[] Dual)[] cases =
        [
            (ThreatModel.Linf(1), [4, 0.5], [7, 0.75]),
            (ThreatModel.L2(1), [5, Math.Sqrt(0.3125)], [5, Math.Sqrt(0.3125)]),
            (ThreatModel.L1(1), [7, 0.75], [4, 0.5]),
        ];
        // The same values as rows, as sequences and as images.
        foreach (var values in new[] { rows, rows.reshape(2, 3, 1), rows.reshape(2, 1, 3), rows.reshape(2, 1, 3, 1) })
        {
            foreach (var (ball, norm, dual) in cases)
            {
                TensorAssert.Close(ball.Measure(values), norm, 1e-15);
                TensorAssert.Close(ball.MeasureDual(values), dual, 1e-15);
            }
        }
    }

    [Fact]
    public void L2_RadiiFarBelowOne_AreKept()
    {
        using var scope = NewDisposeScope();
        var (x, moved) = (zeros([1, 2], ScalarType.Float64), tensor(new[] { 6e-8, 8e-8 }, [1, 2]));
        TensorAssert.Close(ThreatModel.L2(1e-8).ProjectStep(x, moved), [6e-9, 8e-9], 1e-20);
        // The box stops the first value after 1e-5, so that the second may take the rest of the radius.
        var corner = tensor(new[] { 1e-5, 0.5 }, [1, 2]);
        var nearest = ThreatModel.L2(1e-4).Project(corner, tensor(new[] { 1e-5 - 5e-4, 0.5 + 5e-4 }, [1, 2]));
        TensorAssert.Close(nearest, [0, 0.5 + Math.Sqrt(1e-8 - 1e-10)], 1e-12);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void L1_TinyExcess_IsTakenFromBothValues(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var moved = tensor(new[] { 1, 2e-7 }, [1, 2]).to(dtype);
        TensorAssert.Close(ThreatModel.L1(1).Project(zeros_like(moved), moved).narrow(1, 1, 1), [1e-7], 1e-13);
    }

    [Fact]
    public void Operations_OnTensorsWithAGraph_GiveTheSameValuesWithoutOne()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (TinyModels.Random([3, 4], 1), TinyModels.Random([3, 4], 2));
        var (graphX, graphY) = (x.detach().requires_grad_(), y.detach().requires_grad_());
        foreach (var threat in _threats)
        {
            foreach (var operation in new Func<Tensor, Tensor, Tensor>[]
            {
                (a, b) => threat.Project(a, b), threat.ProjectStep, threat.Distance, threat.Contains, (a, _) => threat.Clamp(a),
                (a, _) => threat.SteepestAscent(a, 0.5), (a, _) => threat.SampleStart(a, RandomStart.None, 1),
                (a, _) => threat.SampleStart(a, RandomStart.Uniform, 1),
            })
            {
                var result = operation(graphX, graphY);
                result.requires_grad.Should().BeFalse();
                operation(x, y).equal(result).all().ToBoolean().Should().BeTrue();
            }
        }
    }

    private static void Refused(string name, Action act) => act.Should().Throw<ArgumentException>(name).WithParameterName(name);

    private sealed class Hashed() : ThreatModel(1)
    {
        public static string Text(Tensor values) => Hash(values);

        public override string ToString() => "Hashed";

        protected override Tensor ProjectCore(Tensor reference, Tensor candidate) => candidate.clone();
    }
}
