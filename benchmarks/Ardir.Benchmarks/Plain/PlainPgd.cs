using Ardir.Core;
using static Ardir.Benchmarks.PlainPasses;

namespace Ardir.Benchmarks;

/// <summary>PGD (Madry et al. 2018) as a user would write it: a random start, a step along the sign of the gradient, a projection.</summary>
internal static class PlainPgd
{
    public static Tensor Run(IModule model, Tensor clean, Tensor labels, double epsilon, double step, int steps)
    {
        using var scope = NewDisposeScope();
        var x = (clean + (rand_like(clean) * 2 - 1) * epsilon).clamp(0, 1);
        for (var i = 0; i < steps; i++)
        {
            using var iteration = NewDisposeScope();
            var (gradient, _, _) = Gradient(model, x, labels, CrossEntropy(labels));
            Keep(ref x, Project(x + step * gradient.sign(), clean, epsilon));
        }
        return x.MoveToOuterDisposeScope();
    }
}
