using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>25 iterations of the reference implementation from a given start, broken samples going on.</summary>
public sealed class ApgdTrajectoryTests
{
    private const int Iterations = 25;

    // L2 with DLR ends where the loss is flat and its gradient is rounding, scaled up to a step: measured 7e-8, another processor may round elsewhere.
    [Theory]
    [InlineData("Linf", "ce")]
    [InlineData("Linf", "dlr")]
    [InlineData("Linf", "dlr-targeted")]
    [InlineData("L2", "ce")]
    [InlineData("L2", "dlr")]
    [InlineData("L2", "dlr-targeted")]
    [InlineData("L1", "ce")]
    [InlineData("L1", "dlr")]
    [InlineData("L1", "dlr-targeted")]
    public void Climb_GivenStart_FollowsTheReference(string norm, string loss)
    {
        using var scope = NewDisposeScope();
        var file = GoldenFile.Load("trajectories");
        var golden = file.Child("apgd_25_iterations").Child($"{norm}/{loss}");
        var (dtype, tolerance) = norm == "L1" ? (ScalarType.Float32, 5e-5) : (ScalarType.Float64, 1e-7);
        using var model = TrajectoryModel.Load(file, dtype);
        ApgdResult? found = null;
        var attack = new ProbeAttack(Threat(norm, golden.Number("eps")), run =>
        {
            if (loss == "dlr-targeted") run = run.Aim(golden.Classes("target"));
            run = run.With(loss == "ce" ? AttackLoss.CrossEntropy : AttackLoss.Dlr);
            var stage = new ApgdStage(run.Threat.Epsilon, Iterations, BrokenSamples.Stay, StartIsGiven: true);
            found = ApgdEngine.Climb(run, new ApgdSearchOptions(), stage, golden.Tensor("x_init").to(dtype));
            TensorAssert.Close(found.BestLoss!, golden.Tensor("loss_best"), tolerance);
            TensorAssert.Close(found.Best!, golden.Tensor("x_best"), tolerance);
            TensorAssert.Close(found.Points, golden.Tensor("x_adv"), tolerance);
            found.Broken.data<bool>().Select(broken => !broken).Should().Equal(golden.Flags("robust"));
            return found.Points;
        });
        attack.Perturb(model, model.Images, model.Labels);
        found.Should().NotBeNull();
    }

    private static ThreatModel Threat(string norm, double epsilon) => norm switch
    {
        "Linf" => ThreatModel.Linf(epsilon),
        "L2" => ThreatModel.L2(epsilon),
        _ => ThreatModel.L1(epsilon),
    };
}
