using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What a loss prepares before an attack, and what it may do to the images that it is given for that.</summary>
public sealed class AttackLossPreparationTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Prepare_TeacherThatNormalisesInPlace_DoesNotMoveTheImagesUnderAttack()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var teacher = TinyModels.Linear(dtype: ScalarType.Float32, seed: 9);
        using var images = TinyModels.Images(6);
        using var labels = TinyModels.Labels(6);
        Tensor Attacked(Func<Tensor, Tensor> asked) =>
            new PgdAttack(_threat, new() { Steps = 5, Loss = AttackLoss.KlToTeacher(new OpaqueModel(asked)) }).Perturb(model, images, labels);

        using var expected = Attacked(x => teacher.call(x - 0.5));
        using var found = Attacked(x => teacher.call(x.sub_(0.5)));
        TensorAssert.Same(found, expected);
    }

    [Theory, InlineData(1), InlineData(7)]
    public void Prepare_OtherRowsThanSamples_IsRefused(int rows)
    {
        var loss = new Prepared(() => [zeros(rows, 4)]);
        Refusal(loss).Should().StartWith($"The attack loss 'prepared' prepared a tensor [{rows},4] for 6 samples; expected [6,...], one row per sample.");
    }

    [Fact]
    public void Prepare_NoTensors_IsRefused()
    {
        Refusal(new Prepared(() => null!)).Should().StartWith("The attack loss 'prepared' prepared null; expected a list");
        Refusal(new Prepared(() => [null!])).Should().StartWith("The attack loss 'prepared' prepared null for 6 samples");
        Refusal(new Prepared(() => [tensor(1.0)])).Should().StartWith("The attack loss 'prepared' prepared a tensor [] for 6 samples");
        var gone = zeros(6);
        gone.Dispose();
        Refusal(new Prepared(() => [gone])).Should().StartWith("The attack loss 'prepared' prepared a tensor that has been disposed for 6 samples");
    }

    [Fact]
    public void Prepare_TensorThatTheLossKeeps_Survives()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(6);
        using var labels = TinyModels.Labels(6);
        using var kept = zeros(6, 4);
        new PgdAttack(_threat, new() { Steps = 2, Restarts = 3, Loss = new Prepared(() => [kept]) }).Perturb(model, images, labels).Dispose();
        TensorAssert.Values(kept).Should().HaveCount(24).And.OnlyContain(value => value == 0);
    }

    [Fact]
    public void Prepare_OneNumberForEachSample_IsTaken()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(6);
        using var labels = TinyModels.Labels(6);
        using var result = new FgsmAttack(_threat, new() { Loss = new Prepared(() => [zeros(6, 4), ones(6)]) }).Perturb(model, images, labels);
        TensorAssert.Different(result, images);
    }

    [Fact]
    public void Known_DisposedLogits_AreNamed()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(6);
        using var labels = TinyModels.Labels(6);
        var logits = zeros(6, 4);
        var context = new AttackContext { Known = [new KnownOutput(model, images, logits)] };
        logits.Dispose();
        new FgsmAttack(_threat).Invoking(attack => attack.Perturb(model, images, labels, context))
            .Should().Throw<ArgumentException>().WithMessage("context.Known.Logits has been disposed.*");
    }

    private static string Refusal(IAttackLoss loss)
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(6);
        using var labels = TinyModels.Labels(6);
        return new FgsmAttack(_threat, new() { Loss = loss }).Invoking(attack => attack.Perturb(model, images, labels)).Should().Throw<InvalidOperationException>().Which.Message;
    }

    private sealed class Prepared(Func<IReadOnlyList<Tensor>> prepare) : IAttackLoss
    {
        public string Name => "prepared";

        public IReadOnlyList<Tensor> Prepare(AttackLossPreparation inputs) => prepare();

        public Tensor Compute(AttackLossInputs inputs) => (inputs.Logits - inputs.Reference[0]).square().sum(1);
    }
}
