using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>APGD's step within a threat model that is no norm ball, computed by hand.</summary>
public sealed class ProjectedApgdStepTests
{
    [Fact]
    public void Move_WithMomentum_ProjectsBothHalvesOfTheStep()
    {
        using var scope = NewDisposeScope();
        static Tensor Of(params double[] values) => tensor(values, [1, 1, 1, 3]);
        using var model = new FuncModel(x => x.flatten(1));
        var moved = new List<double>();
        new ProbeAttack(new BoxThreat(0.25, 0, 1), run =>
        {
            var start = Of(0.45, 0.6, 0.5);
            using var sizes = new StepSizeController(start, zeros(1, ScalarType.Float64), 0.1, 100, 0.75);
            using var step = new ProjectedApgdStep(run.Threat, sizes);
            using var state = new ApgdState(start, new(zeros(1, 3), zeros(1, ScalarType.Float64), Of(1, -2, 3)));
            state.MoveTo(Of(0.5, 0.7, 0.7));
            state.Learn(zeros(1, ScalarType.Float64), Of(1, -2, 3));
            moved.AddRange(TensorAssert.Values(step.Move(run, state, 0.75)));
            return run.Images;
        }).Perturb(model, Of(0.5, 0.5, 0.5), zeros(1, ScalarType.Int64));
        // Steps of 0.1, the third cut to the 0.05 that lead to the edge; three quarters of them, and a quarter of the step before.
        moved.Should().Equal([0.5 + 0.075 + 0.0125, 0.7 - 0.075 + 0.025, 0.75], (a, b) => Math.Abs(a - b) < 1e-15);
    }
}
