using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Values and gradients of the reference implementations (float64).</summary>
public sealed class LossGoldenTests
{
    private static readonly GoldenFile _losses = GoldenFile.Load("losses");
    private static readonly GoldenFile _lpips = GoldenFile.Load("lpips_internal");
    private static readonly GoldenFile _ardir = GoldenFile.Load("ardir");

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
        var loss = new ArdLoss(new ArdLossOptions { Kl = new() { Temperature = temperature, LabelReplacement = LabelReplacement.Probabilities } });
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
        var expected = _losses.At("training/replaced_rows").EnumerateArray().Select(row => row.GetBoolean()).ToArray();
        var soft = SoftLabels.Of(_losses.Tensor("teacher_clean"), _losses.Classes("labels"), 1, LabelReplacement.Probabilities);
        soft.Wrong.data<bool>().ToArray().Should().Equal(expected);
    }

    [Theory]
    [InlineData("unit_channel", FeatureNormalization.UnitChannel)]
    [InlineData("spatial_sum_eq10", FeatureNormalization.SpatialSum)]
    public void LpipsInternal_MatchesGolden(string name, FeatureNormalization normalization)
    {
        using var scope = NewDisposeScope();
        var loss = new LpipsInternalLoss(new LpipsInternalLossOptions { Normalization = normalization });
        CheckDistance(name, loss, _lpips.Tensors("student"), _lpips.Tensors("teacher"));
    }

    [Fact]
    public void LpipsInternal_IdenticalInputs_HasZeroGradient()
    {
        using var scope = NewDisposeScope();
        CheckDistance("identical_inputs", new LpipsInternalLoss(), _lpips.Tensors("student"), _lpips.Tensors("student"));
    }

    [Fact]
    public void LpipsInternal_PerLayerAndSquared_MatchGolden()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (_lpips.Tensors("student"), _lpips.Tensors("teacher"));
        var expected = _lpips.Tensors("per_layer_squared");
        for (var i = 0; i < student.Length; i++)
        {
            var squared = FeatureDistance.Squared(student[i], teacher[i], FeatureNormalization.UnitChannel);
            TensorAssert.Close(squared, expected[i], 1e-8);
        }
        var loss = new LpipsInternalLoss(new LpipsInternalLossOptions { Form = FeatureDistanceForm.Squared });
        TensorAssert.Close(loss.Distance(Maps(student), Maps(teacher)), _lpips.Tensor("lpips_squared"), 1e-8);
    }

    [Theory]
    [InlineData("beta0", 0)]
    [InlineData("beta0.4", 0.4)]
    [InlineData("beta0.6", 0.6)]
    [InlineData("beta1", 1)]
    public void Ardir_MatchesGolden(string name, double beta)
    {
        using var scope = NewDisposeScope();
        var logits = _losses.Tensor("student_adv").narrow(0, 0, 4).clone().requires_grad_();
        var features = _lpips.Tensors("student").Select(map => map.requires_grad_()).ToArray();
        var student = new TappedOutput(logits, Maps(features));
        var teacher = new TappedOutput(_losses.Tensor("teacher_clean").narrow(0, 0, 4), Maps(_lpips.Tensors("teacher")));

        var terms = new ArdirLoss(new ArdirLossOptions { Beta = beta }).Compute(student, teacher, _losses.Classes("labels").narrow(0, 0, 4));
        terms.Total.backward();

        TensorAssert.Close(terms.Total.detach(), _ardir.Tensor($"cases/{name}/value"), 1e-8);
        var expected = _ardir.Tensors($"cases/{name}/grads");
        TensorAssert.Close(logits.grad ?? zeros_like(logits), expected[0], 1e-8);
        for (var i = 0; i < features.Length; i++)
            TensorAssert.Close(features[i].grad ?? zeros_like(features[i]), expected[i + 1], 1e-8);
    }

    private static FeatureMaps Maps(Tensor[] maps) => new(maps.Select((map, i) => ($"layer{i + 1}", map)));

    private static void CheckLogits(string name, Func<Tensor, Tensor, Tensor, LossTerms> compute)
    {
        var student = _losses.Tensor("student_adv").requires_grad_();
        var terms = compute(student, _losses.Tensor("teacher_clean"), _losses.Classes("labels"));
        terms.Total.backward();
        TensorAssert.Close(terms.Total.detach(), _losses.Tensor($"training/{name}/value"), 1e-9);
        TensorAssert.Close(student.grad!, _losses.Tensors($"training/{name}/grads")[0], 1e-9);
    }

    private static void CheckDistance(string golden, LpipsInternalLoss loss, Tensor[] student, Tensor[] teacher)
    {
        var leaves = student.Select(map => map.detach().clone().requires_grad_()).ToArray();
        var distance = loss.Distance(Maps(leaves), Maps(teacher));
        TensorAssert.Close(distance.detach(), _lpips.Tensor($"{golden}/value"), 1e-8);
        distance.sum().backward();
        var expected = _lpips.Tensors($"{golden}/grads");
        for (var i = 0; i < leaves.Length; i++) TensorAssert.Close(leaves[i].grad!, expected[i], 1e-8);
    }
}
