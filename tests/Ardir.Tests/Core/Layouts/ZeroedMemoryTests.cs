using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Convolutions that libtorch pads with memory that it has not set, on processors with AVX-512.</summary>
public sealed class ZeroedMemoryTests
{
    private const int Tries = 50;

    public static TheoryData<int, int, int, int, bool> Convolutions => new()
    {
        // inputs, outputs, kernel, groups; whether the kernel of libtorch pads
        { 3, 16, 3, 1, false }, { 16, 32, 3, 1, false }, { 64, 64, 3, 1, false }, { 1, 64, 5, 1, false }, { 16, 16, 3, 1, false },
        { 3, 20, 3, 1, true }, { 8, 8, 3, 1, true }, { 16, 8, 3, 1, true }, { 20, 50, 5, 1, true }, { 1, 20, 5, 1, true },
        { 20, 16, 3, 1, true }, { 40, 64, 3, 1, true }, { 12, 16, 3, 1, false },
        { 8, 8, 1, 1, false }, { 24, 24, 3, 24, false }, { 40, 40, 3, 4, false },
    };

    [Theory, MemberData(nameof(Convolutions))]
    public void AreIn_KnowsTheConvolutionsConcerned(int inputs, int outputs, int kernel, int groups, bool padded)
    {
        using var convolution = nn.Conv2d(inputs, outputs, kernel, groups: groups);
        PaddedConvolutions.AreIn((nn.Module)convolution).Should().Be(padded);
        using var deep = nn.Sequential(("relu", nn.ReLU()), ("inner", nn.Sequential(("conv", nn.Conv2d(inputs, outputs, kernel, groups: groups)))));
        PaddedConvolutions.AreIn((nn.Module)deep).Should().Be(padded);
        using var own = new OwnConvolution(outputs, inputs / groups, kernel);
        if (groups == 1) PaddedConvolutions.AreIn((nn.Module)own).Should().Be(padded, "a user's module may call a convolution itself");
        using var transposed = nn.ConvTranspose2d(outputs, inputs, kernel, groups: groups);
        PaddedConvolutions.AreIn((nn.Module)transposed).Should().Be(padded, "its passes are those of the other one, exchanged");
    }

    [Fact]
    public void AreIn_ModelThatCannotBeLookedInto_IsTakenForOneThatNeedsIt()
    {
        using var linear = nn.Linear(3, 5);
        PaddedConvolutions.AreIn((nn.Module)linear).Should().BeFalse();
        PaddedConvolutions.AreIn(new CountingModel(linear)).Should().BeTrue();
    }

    [SkippableFact]
    public void Scope_OnlyWhereItIsNeeded_NestedAndWithinOtherThreads()
    {
        NeedsAvx512();
        // Tests before this one may have left taps to the garbage collector.
        var before = ZeroedMemory.Scopes;
        using (var plain = nn.Conv2d(16, 16, 3))
        using (var none = new ZeroedMemoryScope(plain)) (none.IsActive ? 1 : ZeroedMemory.Scopes - before).Should().Be(0);
        using var odd = nn.Conv2d(8, 8, 3);
        var outer = new ZeroedMemoryScope(null, odd);
        Parallel.For(0, 20, _ =>
        {
            using var inner = ZeroedMemoryScope.Of(odd);
            (inner.IsActive && ZeroedMemory.IsOn).Should().BeTrue();
        });
        (ZeroedMemory.IsOn, ZeroedMemory.Scopes).Should().Be((true, before + 1));
        outer.Dispose();
        outer.Dispose();
        (ZeroedMemory.IsOn, ZeroedMemory.Scopes).Should().Be((before > 0, before));
    }

    [SkippableFact]
    public void Gradient_WithinTheScope_IsNeverNan_AndWithoutItIs() => IsOnlyNanWithoutTheScope(8, 8);

    [SkippableFact]
    public void Output_WithinTheScope_IsNeverNan_AndWithoutItIs() => IsOnlyNanWithoutTheScope(40, 16);

    [Fact]
    public void AttackEvaluationAndTraining_AmidNan_AreThoseOfCleanMemory()
    {
        using var data = TrainingWorld.Data(20);
        (string Student, string Images, double Robust) Run()
        {
            using var scope = NewDisposeScope();
            using var student = TrainingWorld.Network(3);
            using var teacher = TrainingWorld.Network(4);
            using (var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(), TrainingWorld.Options(1) with { BatchSize = 8 }))
                trainer.Fit(data, null, new ListProgress<TrainingProgress>(_ => Litter()));
            var (images, labels) = data.Batch([.. Enumerable.Range(0, 6).Select(i => (long)i)]);
            Litter();
            var adversarial = TrainingWorld.Pgd(5).Perturb(student, images, labels);
            Litter();
            using var report = new AutoAttack(ThreatModel.Linf(0.05), new() { BatchSize = 6 }).Evaluate(student, images, labels);
            return (Fingerprint.Of(student), string.Join(" ", TensorAssert.Values(adversarial)), report.RobustAccuracy);
        }
        var before = ZeroedMemory.Scopes;
        var first = Run();
        for (var i = 0; i < 2; i++) Run().Should().Be(first);
        ZeroedMemory.Scopes.Should().Be(before);
    }

    [SkippableFact]
    public void Tap_ThroughWhichALoopDescends_HasTheScopeUntilItIsDisposed()
    {
        NeedsAvx512();
        using var student = TrainingWorld.Network(3);
        var before = ZeroedMemory.Scopes;
        using (FeatureTap.Attach(student, "layer1")) ZeroedMemory.Scopes.Should().Be(before + 1);
        using (FeatureTap.AttachFrozen(student)) ZeroedMemory.Scopes.Should().Be(before + 1);
        FluentActions.Invoking(() => FeatureTap.Attach(student, "nowhere")).Should().Throw<ArgumentException>();
        ZeroedMemory.Scopes.Should().Be(before);
    }

    [SkippableFact]
    public void Trainer_HasTheScopeUntilItIsDisposed()
    {
        NeedsAvx512();
        using var student = nn.Sequential(("conv", nn.Conv2d(1, 16, 3)), ("flat", nn.Flatten()), ("linear", nn.Linear(16 * 6 * 6, 3)));
        using var odd = nn.Conv2d(8, 8, 3);
        var before = ZeroedMemory.Scopes;
        using (new DistillationTrainer(student, null, new WithPart(odd))) ZeroedMemory.Scopes.Should().Be(before + 1, "the part that the loss trains needs it");
        using (new DistillationTrainer(student, null, new StandardTrainingLoss())) ZeroedMemory.Scopes.Should().Be(before, "nothing needs it");
        ZeroedMemory.Scopes.Should().Be(before);
    }

    private static void IsOnlyNanWithoutTheScope(int inputs, int outputs)
    {
        NeedsAvx512();
        using var convolution = nn.Conv2d(inputs, outputs, 3, padding: 1);
        using var images = rand(8, inputs, 8, 8);
        var expected = Values(convolution, images, zeroed: true);
        Enumerable.Range(0, Tries).Select(_ => Values(convolution, images, zeroed: true)).Should().AllSatisfy(values => values.Should().Equal(expected));
        // The allocator fills what it gives with NaN; it refuses to do both.
        var (junk, zero) = (ZeroedMemory.Find("FLAGS_caffe2_cpu_allocator_do_junk_fill"), ZeroedMemory.Find("FLAGS_caffe2_cpu_allocator_do_zero_fill"));
        var before = Marshal.ReadByte(zero);
        Marshal.WriteByte(zero, 0);
        Marshal.WriteByte(junk, 1);
        try
        {
            Values(convolution, images, zeroed: false).Should().Contain(double.NaN, "otherwise a later libtorch does not need the scope any more");
        }
        finally
        {
            Marshal.WriteByte(junk, 0);
            Marshal.WriteByte(zero, before);
        }
    }

    private static void NeedsAvx512()
    {
        if (!Avx512F.IsSupported) throw new SkipTestException("This processor has no AVX-512, so its kernels do not pad.");
        ZeroedMemory.IsWanted.Should().BeTrue("libtorch's allocator has the switch");
    }

    private static double[] Values(nn.Module<Tensor, Tensor> model, Tensor images, bool zeroed)
    {
        using var memory = zeroed ? new ZeroedMemoryScope(model) : null;
        using var scope = NewDisposeScope();
        using var input = images.detach().requires_grad_(true);
        Litter();
        var output = model.call(input);
        output.sum().backward();
        var gradient = input.grad!;
        input.grad = null;
        return [.. TensorAssert.Values(output), .. TensorAssert.Values(gradient)];
    }

    /// <summary>Frees memory that holds NaN, which the next allocations get.</summary>
    private static void Litter()
    {
        var freed = new List<Tensor>();
        for (var size = 32; size <= 1 << 16; size *= 2)
            for (var i = 0; i < 4; i++) freed.Add(full(size, float.NaN));
        foreach (var tensor in freed) tensor.Dispose();
    }

    private sealed class OwnConvolution : nn.Module<Tensor, Tensor>
    {
        public OwnConvolution(int outputs, int inputs, int kernel) : base(nameof(OwnConvolution)) =>
            register_parameter("weight", nn.Parameter(zeros(outputs, inputs, kernel, kernel)));

        public override Tensor forward(Tensor input) => nn.functional.conv2d(input, get_parameter("weight")!);
    }

    private sealed class WithPart(nn.Module part) : IDistillationLoss
    {
        public string Name => "with a part";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public nn.Module Trainable => part;

        public LossTerms Compute(DistillationInputs inputs) => throw new NotSupportedException();

        public override string ToString() => Name;
    }
}
