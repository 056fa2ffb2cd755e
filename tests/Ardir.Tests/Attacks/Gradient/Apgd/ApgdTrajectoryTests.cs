using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>25 iterations of the reference implementation from a given start, broken samples going on.</summary>
public sealed class ApgdTrajectoryTests
{
    private const int Iterations = 25;

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
            var steep = norm == "L2" && loss == "dlr" ? Steep(run, golden.Tensor("x_best")) : arange(model.Images.shape[0]);
            TensorAssert.Close(found.Best![steep], golden.Tensor("x_best")[steep], tolerance);
            TensorAssert.Close(found.Points[steep], golden.Tensor("x_adv")[steep], tolerance);
            TensorAssert.AllTrue(run.Threat.Contains(model.Images, found.Points));
            found.Broken.data<bool>().Select(broken => !broken).Should().Equal(golden.Flags("robust"));
            return found.Points;
        });
        attack.Perturb(model, model.Images, model.Labels);
        found.Should().NotBeNull();
    }

    // The loss of a sample whose class is third or lower is (z1 - zy) / (z1 - z3): it ends at 1, where its gradient of 1e-12 is nothing but the guard of the
    // division and rounding. In L2 that is scaled up to a whole step, whose direction is the processor's; the losses above are compared for all samples.
    private static Tensor Steep(AttackRun run, Tensor points)
    {
        var steep = (run.Gradient(points).Gradient.flatten(1).norm(1) > 1e-6).nonzero().squeeze(1);
        steep.shape[0].Should().BePositive();
        return steep;
    }

    private static ThreatModel Threat(string norm, double epsilon) => norm switch
    {
        "Linf" => ThreatModel.Linf(epsilon),
        "L2" => ThreatModel.L2(epsilon),
        _ => ThreatModel.L1(epsilon),
    };
}
