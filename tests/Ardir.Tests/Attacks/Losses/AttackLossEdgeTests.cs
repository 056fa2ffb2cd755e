using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Attack losses at the edges: just enough classes, logits that are nearly tied, teachers whose answer is known already.</summary>
public sealed class AttackLossEdgeTests
{
    [Fact]
    public void Dlr_JustEnoughClasses_IsTheRatio()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in new[] { AttackLoss.Dlr, AttackLoss.DlrOrMargin })
        {
            Value(loss, [3, 1, 0]).Should().BeApproximately((1 - 3) / (3 - 0.0), 1e-11);
            Value(loss, [4, 2, 1, 0], target: 1).Should().BeApproximately((2 - 4) / (4 - (1 + 0) / 2.0), 1e-11);
        }
    }

    [Fact]
    public void DlrOrMargin_TooFewClasses_IsTheMarginOrTheDifference()
    {
        using var scope = NewDisposeScope();
        Value(AttackLoss.DlrOrMargin, [3, 1]).Should().Be(1 - 3);
        Value(AttackLoss.DlrOrMargin, [3, 1, 2], target: 1).Should().Be(1 - 3, "of target and label, whatever the third class says");
    }

    // A denominator of nothing is 1e-12, 1e-3 in float16; it adds to small ones.
    [Theory]
    [InlineData(ScalarType.Float64, 1e-13, -1 / 11.0, 1e-9)]
    [InlineData(ScalarType.Float32, 1e-13, -1 / 11.0, 1e-5)]
    [InlineData(ScalarType.Float16, 1e-3, -1 / 2.0, 2e-3)]
    public void Dlr_LogitsNearlyTied_AreDividedByNoLessThanTheTiniestNumber(ScalarType dtype, double gap, double expected, double tolerance)
    {
        using var scope = NewDisposeScope();
        Value(AttackLoss.Dlr, [gap, 0, 0], dtype: dtype).Should().BeApproximately(expected, tolerance);
        Value(AttackLoss.Dlr, [gap, 0, 0, 0], target: 1, dtype).Should().BeApproximately(expected, tolerance);
        Value(AttackLoss.Dlr, [0, 0, 0], dtype: dtype).Should().Be(0);
        Value(AttackLoss.Dlr, [0, 0, 0, 0], target: 2, dtype).Should().Be(0);
    }

    [Fact]
    public void Names_TellTheLossesApart()
    {
        using var teacher = TinyModels.Linear();
        IAttackLoss[] losses = [AttackLoss.CrossEntropy, AttackLoss.Dlr, AttackLoss.Margin, AttackLoss.KlToClean, AttackLoss.KlToTeacher(teacher), AttackLoss.Custom("mine", (z, _) => z.sum(1))];
        losses.Select(loss => loss.Name).Should().OnlyHaveUniqueItems();
        (AttackLoss.KlToClean.Name, $"{AttackLoss.KlToClean}").Should().Be(("KL to clean", "KL to clean"));
        (AttackLoss.KlToTeacher(teacher).Name, $"{AttackLoss.KlToTeacher(teacher)}").Should().Be(("KL to teacher", "KL to teacher"));
    }

    [Fact]
    public void Factories_WithoutTheirArguments_NameThem()
    {
        FluentActions.Invoking(() => AttackLoss.KlToTeacher(null!)).Should().Throw<ArgumentNullException>().WithParameterName("teacher");
        FluentActions.Invoking(() => AttackLoss.Custom(null!, (z, _) => z)).Should().Throw<ArgumentNullException>().WithParameterName("name");
        FluentActions.Invoking(() => AttackLoss.Custom(null!, inputs => inputs.Logits)).Should().Throw<ArgumentNullException>().WithParameterName("name");
        FluentActions.Invoking(() => AttackLoss.Custom("", inputs => inputs.Logits)).Should().Throw<ArgumentException>().WithParameterName("name");
        FluentActions.Invoking(() => AttackLoss.Custom("", (z, _) => z)).Should().Throw<ArgumentException>().WithParameterName("name");
        FluentActions.Invoking(() => AttackLoss.Custom("mine", (Func<Tensor, Tensor, Tensor>)null!)).Should().Throw<ArgumentNullException>().WithParameterName("loss");
        FluentActions.Invoking(() => AttackLoss.Custom("mine", (Func<AttackLossInputs, Tensor>)null!)).Should().Throw<ArgumentNullException>().WithParameterName("loss");
        FluentActions.Invoking(() => AttackLoss.KlToClean.Prepare(null!)).Should().Throw<ArgumentNullException>().WithParameterName("inputs");
    }

    [Fact]
    public void Identity_VariantsOfOneLoss_Differ()
    {
        using var teacher = TinyModels.Linear();
        (StatedIdentity.Of(AttackLoss.Dlr), StatedIdentity.Of(AttackLoss.DlrOrMargin)).Should().Be(("DLR", "DLR or margin"));
        (StatedIdentity.Of(AttackLoss.KlToClean), StatedIdentity.Of(AttackLoss.KlToTeacher(teacher))).Should().Be(("KL to clean", "KL to teacher LinearModel"));
        StatedIdentity.FindNetworks(AttackLoss.KlToTeacher(teacher)).Should().ContainSingle().Which.Should().BeSameAs(teacher);
    }

    // Label 0, confidence 0.5: margins of -1, 0.25 and 2 miss 1.5, 0.25 and nothing of it.
    [Theory]
    [InlineData(1, -1.5)]
    [InlineData(-0.25, -0.25)]
    [InlineData(-2, 0)]
    public void CarliniWagner_LeadOfTheLabel_IsMinusWhatIsMissing(double lead, double expected)
    {
        using var scope = NewDisposeScope();
        Value(new CarliniWagnerLoss(confidence: 0.5), [lead, 0, -3]).Should().Be(expected);
    }

    [Fact]
    public void KlToTeacher_AnswerThatIsKnown_IsTakenForItsOwnTeacherOnly()
    {
        using var scope = NewDisposeScope();
        var calls = 0;
        using var teacher = new FuncModel(x =>
        {
            calls++;
            return x.flatten(1);
        });
        using var other = new FuncModel(x => x.flatten(1) * 2);
        var images = TinyModels.Images(3, ScalarType.Float64);
        // Not what the teacher would say, so that it shows where an answer is from.
        var known = (-images.flatten(1)).requires_grad_();
        var (own, told) = (images.flatten(1).log_softmax(1), (-images.flatten(1)).log_softmax(1));
        KnownOutput[] answers = [new(teacher, images, known)];
        TensorAssert.Close(Prepared(AttackLoss.KlToTeacher(other), images, known: answers), (images.flatten(1) * 2).log_softmax(1), 1e-14);
        TensorAssert.Close(Prepared(AttackLoss.KlToClean, images, teacher, answers), own, 1e-14);
        calls.Should().Be(1);
        var reference = Prepared(AttackLoss.KlToTeacher(teacher), images, known: answers);
        TensorAssert.Close(reference, told, 1e-14);
        reference.requires_grad.Should().BeFalse();
        calls.Should().Be(1, "the teacher did not have to run");
        FluentActions.Invoking(() => new KnownOutput(teacher, images, known[..2])).Should().Throw<ArgumentException>().WithMessage("logits has shape [2,*for 3 images*[3,K]*");
    }

    [Fact]
    public void Known_InARun_HoldsForTheImagesThatAreLeftAndForNoOthers()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var calls = 0;
        using var model = TinyModels.Linear(dtype: ScalarType.Float64);
        using var teacher = new FuncModel(x =>
        {
            calls++;
            return x.flatten(1);
        });
        var (images, labels) = (TinyModels.Images(4, ScalarType.Float64), TinyModels.Labels(4));
        var known = model.call(images) * 3;
        var context = new AttackContext { Known = [new KnownOutput(teacher, images, known)] };
        using var guard = new GuardedModel(model, context);
        var run = AttackRun.Create(new PgdAttack(ThreatModel.Linf(0.1)).Traits, guard, images, labels);
        var rows = tensor([3L, 1]);
        foreach (var part in new[] { run.Select(rows), run.Select(tensor([1L, 2, 3])).Select(tensor([2L, 0])), run.Narrow(rows) })
            TensorAssert.Close(part.With(AttackLoss.KlToTeacher(teacher)).Inputs(known).Reference[0], known[rows].log_softmax(1), 1e-14);
        TensorAssert.Close(run.With(AttackLoss.KlToTeacher(teacher)).Inputs(known).Reference[0], known.log_softmax(1), 1e-14);
        calls.Should().Be(0);
        var others = AttackRun.Create(new PgdAttack(ThreatModel.Linf(0.1)).Traits, guard, images.clone(), labels);
        others.With(AttackLoss.KlToTeacher(teacher));
        calls.Should().Be(1, "these are other images");
    }

    [Fact]
    public void KlToTeacher_TeacherWithParameters_GivesAReferenceWithoutAGraph()
    {
        using var scope = NewDisposeScope();
        using var teacher = TinyModels.Linear();
        Prepared(AttackLoss.KlToTeacher(teacher), TinyModels.Images(2, ScalarType.Float64)).requires_grad.Should().BeFalse();
    }

    private static Tensor Prepared(IAttackLoss loss, Tensor images, IModule? model = null, params KnownOutput[] known) =>
        loss.Prepare(new(model ?? new OpaqueModel(x => x), images) { Known = known }).Should().ContainSingle().Which;

    // Of one sample whose label is class 0.
    private static double Value(IAttackLoss loss, double[] logits, long? target = null, ScalarType dtype = ScalarType.Float64) => TensorAssert.Values(
        loss.Compute(new AttackLossInputs(tensor(logits, [1, logits.Length]).to(dtype), tensor([0L]), target is { } t ? tensor([t]) : null, [])))[0];
}
