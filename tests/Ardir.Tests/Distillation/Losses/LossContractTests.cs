using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What every loss must keep to, whatever it computes.</summary>
public sealed class LossContractTests
{
    public static TheoryData<string> Losses => [.. LossCases.Names];

    [Theory, MemberData(nameof(Losses))]
    public void Compute_Anywhere_LeavesNoTensorBehind(string name)
    {
        var loss = LossCases.Make(name);
        using var inputs = new Held(LossData.All(4, dtype: ScalarType.Float32));
        LeakAssert.None(() =>
        {
            using var terms = loss.Compute(inputs.Value);
            terms.Total.backward();
        });
        LeakAssert.None(() =>
        {
            using var scope = NewDisposeScope();
            loss.Compute(inputs.Value).Total.backward();
        });
        LossData.Tensors(inputs.Value).Should().OnlyContain(tensor => !tensor.IsInvalid, "the inputs are the caller's");
    }

    [Theory, MemberData(nameof(Losses))]
    public void Compute_TotalAndParts_AreScalarsAndOnlyTheTotalHasAGraph(string name)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(4);
        foreach (var tensor in LossData.Student(inputs)) tensor.requires_grad_();
        foreach (var tensor in LossData.Teacher(inputs)) tensor.requires_grad_();
        var terms = LossCases.Make(name).Compute(inputs);
        terms.Total.dim().Should().Be(0);
        terms.Total.requires_grad.Should().BeTrue();
        terms.Parts.Should().NotBeEmpty();
        terms.Parts.Values.Should().OnlyContain(part => part.dim() == 0 && !part.requires_grad);
        terms.Total.backward();
        LossData.Student(inputs).Sum(tensor => tensor.grad?.abs().sum().ToDouble() ?? 0).Should().BePositive();
        LossData.Teacher(inputs).Select(tensor => tensor.grad is null).Should().NotContain(false);
    }

    [Theory, MemberData(nameof(Losses))]
    public void Compute_Batch_IsTheMeanOfItsSamplesInAnyOrder(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        var inputs = LossData.All(4);
        var total = LossData.Value(loss, inputs);
        LossData.Value(loss, LossData.Select(inputs, 2, 0, 3, 1)).Should().BeApproximately(total, 1e-10);
        Enumerable.Range(0, 4).Average(i => LossData.Value(loss, LossData.Select(inputs, i))).Should().BeApproximately(total, 1e-10);
    }

    [Theory, MemberData(nameof(Losses))]
    public void Compute_Again_GivesTheSame(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        var inputs = LossData.All(4, dtype: ScalarType.Float32);
        var before = LossData.Tensors(inputs).Select(tensor => tensor.clone()).ToArray();
        var first = loss.Compute(inputs);
        var second = loss.Compute(inputs);
        TensorAssert.Same(first.Total, second.Total);
        foreach (var (part, value) in first.Parts) TensorAssert.Same(second.Parts[part], value);
        foreach (var (tensor, copy) in LossData.Tensors(inputs).Zip(before)) TensorAssert.Same(tensor, copy);
    }

    [Theory, MemberData(nameof(Losses))]
    public void Compute_ConfidentLogits_StaysFinite(string name)
    {
        using var scope = NewDisposeScope();
        var maps = LossData.Maps(5, 1, ScalarType.Float32);
        TappedOutput Confident(int shift) => new((eye(5).roll(shift, 0) * 100 - 50).requires_grad_(), LossData.Named(maps));
        foreach (var (student, teacher) in new[] { (0, 0), (0, 1), (1, 0) })
        {
            var inputs = new DistillationInputs
            {
                Labels = arange(5), StudentClean = Confident(student), StudentAdversarial = Confident(student),
                TeacherClean = Confident(teacher), TeacherAdversarial = Confident(teacher),
                TeacherOnStudentAdversarial = Confident(teacher), StandardTeacherOnStudentAdversarial = Confident(teacher),
            };
            var total = LossCases.Make(name).Compute(inputs).Total;
            double.IsFinite(total.ToDouble()).Should().BeTrue($"the total is {total.ToDouble()}");
            if (!total.requires_grad) continue;
            total.backward();
            foreach (var leaf in new[] { inputs.StudentClean.Output, inputs.StudentAdversarial.Output })
                if (leaf.grad is { } gradient) TensorAssert.AllTrue(gradient.isfinite());
        }
    }

    [Theory, MemberData(nameof(Losses))]
    public void Compute_HalfPrecision_IsComputedInFloat32(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        foreach (var dtype in new[] { ScalarType.BFloat16, ScalarType.Float16 })
        {
            var half = LossData.All(4, dtype: dtype);
            var (terms, wide) = (loss.Compute(half), loss.Compute(LossData.To(half, ScalarType.Float32)));
            TensorAssert.Same(terms.Total, wide.Total);
            foreach (var (part, value) in wide.Parts) TensorAssert.Same(terms.Parts[part], value);
        }
    }

    [Theory, MemberData(nameof(Losses))]
    public void Compute_BatchOfOne_IsItsSampleInALargerBatch(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        var inputs = LossData.All(3);
        var one = loss.Compute(LossData.Select(inputs, 1));
        var thrice = loss.Compute(LossData.Select(inputs, 1, 1, 1));
        TensorAssert.Close(one.Total, thrice.Total, 1e-12);
        one.Parts.Keys.Should().BeEquivalentTo(thrice.Parts.Keys);
        foreach (var (part, value) in thrice.Parts) TensorAssert.Close(one.Parts[part], value, 1e-12);
    }

    [Theory, MemberData(nameof(Losses))]
    public void Compute_ConstantShiftOfTheLogits_ChangesNothing(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        var inputs = LossData.All(4);
        var by = new Queue<double>([7, -3, 11, -5, 4, -9]);
        var shifted = LossData.Map(inputs, pass => new(pass!.Output + by.Dequeue(), pass.Features));
        LossData.Value(loss, shifted).Should().BeApproximately(LossData.Value(loss, inputs), 1e-9);
    }

    [GpuFact]
    public void Compute_OnCuda_MatchesTheCpu()
    {
        foreach (var name in LossCases.Names)
        {
            using var scope = NewDisposeScope();
            var loss = LossCases.Make(name);
            var inputs = LossData.All(4);
            var onCpu = loss.Compute(inputs);
            loss.Trainable?.to(CUDA);
            var moved = LossData.Map(inputs, pass => new(pass!.Output.cuda(), LossData.Named([.. pass.Features.Select(map => map.cuda())]))) with { Labels = inputs.Labels.cuda() };
            foreach (var tensor in LossData.Student(moved)) tensor.requires_grad_();
            var onGpu = loss.Compute(moved);
            onGpu.Total.backward();
            onGpu.Total.device_type.Should().Be(DeviceType.CUDA);
            TensorAssert.Close(onGpu.Total, onCpu.Total, 1e-9);
            foreach (var (part, value) in onCpu.Parts) TensorAssert.Close(onGpu.Parts[part], value, 1e-9);
        }
    }

    private sealed class Held : IDisposable
    {
        public Held(DistillationInputs value)
        {
            Value = value;
            foreach (var tensor in LossData.Student(value)) tensor.requires_grad_();
        }

        public DistillationInputs Value { get; }

        public void Dispose()
        {
            foreach (var tensor in LossData.Tensors(Value)) tensor.Dispose();
        }
    }
}
