namespace Ardir.Tests;

/// <summary>Central differences in float64, the judge of every analytic gradient here.</summary>
internal static class GradientCheck
{
    public static double[] Numeric(Func<Tensor, Tensor> scalar, Tensor at, double step = 1e-6)
    {
        at.dtype.Should().Be(ScalarType.Float64, "finite differences need float64");
        var values = TensorAssert.Values(at);
        double Evaluate(double[] point)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            return scalar(tensor(point, at.shape)).ToDouble();
        }

        var gradient = new double[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var original = values[i];
            values[i] = original + step;
            var above = Evaluate(values);
            values[i] = original - step;
            var below = Evaluate(values);
            values[i] = original;
            gradient[i] = (above - below) / (2 * step);
        }
        return gradient;
    }

    /// <summary>The gradient that autograd finds.</summary>
    public static Tensor Analytic(Func<Tensor, Tensor> scalar, Tensor at)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var leaf = at.detach().clone().requires_grad_();
        scalar(leaf).backward(inputs: [leaf]);
        return leaf.grad!.MoveToOuterDisposeScope();
    }

    public static void Agrees(Func<Tensor, Tensor> scalar, Tensor at, double tolerance = 1e-6)
    {
        using var analytic = Analytic(scalar, at);
        TensorAssert.Close(analytic, Numeric(scalar, at), tolerance);
    }
}
