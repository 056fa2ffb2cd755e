using System.Text.Json;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Values and gradients of the reference implementations (float64).</summary>
public sealed class LossGoldenTests
{
    private static readonly JsonElement _losses = Golden.Load("losses.json");
    private static readonly JsonElement _lpips = Golden.Load("lpips_internal.json");
    private static readonly JsonElement _ardir = Golden.Load("ardir.json");

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(30)]
    public void KlDivergence_MatchesGolden(int temperature)
    {
        using var scope = NewDisposeScope();
        var loss = new KlDivergenceLoss(new KlDivergenceLossOptions { Temperature = temperature });
        CheckLogits($"kl_teacher_student_t{temperature}", (student, teacher, labels) => loss.Compute(student, teacher, labels));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(30)]
    public void ArdWithReplacedRows_MatchesGolden(int temperature)
    {
        using var scope = NewDisposeScope();
        var loss = new ArdLoss(new ArdLossOptions { Temperature = temperature, LabelReplacement = LabelReplacement.Probabilities });
        CheckLogits($"ard_replaced_t{temperature}", (student, teacher, labels) => loss.Compute(new DistillationInputs
        {
            Labels = labels, StudentAdversarial = new TappedOutput(student), TeacherClean = new TappedOutput(teacher),
        }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(30)]
    public void Kd_MatchesGolden(int temperature)
    {
        using var scope = NewDisposeScope();
        var loss = new KdLoss(new KdLossOptions { Temperature = temperature, Alpha = 0.7 });
        CheckLogits($"kd_alpha0.7_t{temperature}", (student, teacher, labels) => loss.Compute(new DistillationInputs
        {
            Labels = labels, StudentClean = new TappedOutput(student), TeacherClean = new TappedOutput(teacher),
        }));
    }

    [Fact]
    public void AdversarialTraining_MatchesGolden()
    {
        using var scope = NewDisposeScope();
        CheckLogits("sat", (student, _, labels) => new AdversarialTrainingLoss().Compute(new DistillationInputs
        {
            Labels = labels, StudentAdversarial = new TappedOutput(student),
        }));
    }

    [Fact]
    public void ReplacedRows_AreThoseOfTheReference()
    {
        using var scope = NewDisposeScope();
        var expected = _losses.GetProperty("training").GetProperty("replaced_rows").EnumerateArray().Select(row => row.GetBoolean()).ToArray();
        var soft = SoftLabels.Of(Golden.Tensor(_losses, "teacher_clean"), Golden.Labels(_losses, "labels"), 1, LabelReplacement.Probabilities);
        soft.Wrong.data<bool>().ToArray().Should().Equal(expected);
    }

    [Theory]
    [InlineData("unit_channel", FeatureNormalization.UnitChannel)]
    [InlineData("spatial_sum_eq10", FeatureNormalization.SpatialSum)]
    public void LpipsInternal_MatchesGolden(string name, FeatureNormalization normalization)
    {
        using var scope = NewDisposeScope();
        var loss = new LpipsInternalLoss(new LpipsInternalLossOptions { Normalization = normalization });
        CheckDistance(_lpips.GetProperty(name), loss, Golden.Tensors(_lpips, "student"), Golden.Tensors(_lpips, "teacher"));
    }

    [Fact]
    public void LpipsInternal_IdenticalInputs_HasZeroGradient()
    {
        using var scope = NewDisposeScope();
        CheckDistance(_lpips.GetProperty("identical_inputs"), new LpipsInternalLoss(), Golden.Tensors(_lpips, "student"), Golden.Tensors(_lpips, "student"));
    }

    [Fact]
    public void LpipsInternal_PerLayerAndSquared_MatchGolden()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (Golden.Tensors(_lpips, "student"), Golden.Tensors(_lpips, "teacher"));
        var expected = Golden.Tensors(_lpips, "per_layer_squared");
        for (var i = 0; i < student.Length; i++)
        {
            var squared = FeatureMath.SquaredDistance(student[i], teacher[i], FeatureNormalization.UnitChannel);
            Golden.ShouldMatch(squared, expected[i], 1e-8);
        }
        var loss = new LpipsInternalLoss(new LpipsInternalLossOptions { Form = FeatureDistanceForm.Squared });
        Golden.ShouldMatch(loss.Distance(Maps(student), Maps(teacher)), Golden.Tensor(_lpips, "lpips_squared"), 1e-8);
    }

    [Theory]
    [InlineData("beta0", 0)]
    [InlineData("beta0.4", 0.4)]
    [InlineData("beta0.6", 0.6)]
    [InlineData("beta1", 1)]
    public void Ardir_MatchesGolden(string name, double beta)
    {
        using var scope = NewDisposeScope();
        var golden = _ardir.GetProperty("cases").GetProperty(name);
        var logits = Golden.Tensor(_losses, "student_adv").narrow(0, 0, 4).clone().requires_grad_();
        var features = Golden.Tensors(_lpips, "student").Select(map => map.requires_grad_()).ToArray();
        var student = new TappedOutput(logits, Maps(features));
        var teacher = new TappedOutput(Golden.Tensor(_losses, "teacher_clean").narrow(0, 0, 4), Maps(Golden.Tensors(_lpips, "teacher")));

        var terms = new ArdirLoss(new ArdirLossOptions { Beta = beta }).Compute(student, teacher, Golden.Labels(_losses, "labels").narrow(0, 0, 4));
        terms.Total.backward();

        Golden.ShouldMatch(terms.Total.detach(), Golden.Tensor(golden, "value"), 1e-8);
        var expected = Golden.Tensors(golden, "grads");
        Golden.ShouldMatch(logits.grad ?? zeros_like(logits), expected[0], 1e-8);
        for (var i = 0; i < features.Length; i++)
            Golden.ShouldMatch(features[i].grad ?? zeros_like(features[i]), expected[i + 1], 1e-8);
    }

    private static FeatureMaps Maps(Tensor[] maps) => new(maps.Select((map, i) => ($"layer{i + 1}", map)));

    private static void CheckLogits(string name, Func<Tensor, Tensor, Tensor, LossTerms> compute)
    {
        var golden = _losses.GetProperty("training").GetProperty(name);
        var student = Golden.Tensor(_losses, "student_adv").requires_grad_();
        var terms = compute(student, Golden.Tensor(_losses, "teacher_clean"), Golden.Labels(_losses, "labels"));
        terms.Total.backward();
        Golden.ShouldMatch(terms.Total.detach(), Golden.Tensor(golden, "value"), 1e-9);
        Golden.ShouldMatch(student.grad!, Golden.Tensors(golden, "grads")[0], 1e-9);
    }

    private static void CheckDistance(JsonElement golden, LpipsInternalLoss loss, Tensor[] student, Tensor[] teacher)
    {
        var leaves = student.Select(map => map.detach().clone().requires_grad_()).ToArray();
        var distance = loss.Distance(Maps(leaves), Maps(teacher));
        Golden.ShouldMatch(distance.detach(), Golden.Tensor(golden, "value"), 1e-8);
        distance.sum().backward();
        var expected = Golden.Tensors(golden, "grads");
        for (var i = 0; i < leaves.Length; i++) Golden.ShouldMatch(leaves[i].grad!, expected[i], 1e-8);
    }
}
