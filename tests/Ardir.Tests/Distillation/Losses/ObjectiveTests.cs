using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>The published objectives again, from their formulas in plain loops over doubles, and their gradients by finite differences.</summary>
public sealed class ObjectiveTests
{
    private const int Samples = 5;

    [Theory]
    [InlineData(6, KlReduction.BatchMean, 1)]
    [InlineData(2, KlReduction.ElementMean, 1.0 / LossData.Classes)]
    [InlineData(2, KlReduction.Sum, Samples)]
    [InlineData(0, KlReduction.BatchMean, 1)]
    public void Trades_FollowsTheFormula(double beta, KlReduction reduction, double factor)
    {
        using var scope = NewDisposeScope();
        var world = new World();
        var self = world.Mean(i => LossReference.Kl(world.P(world.Clean, i), world.P(world.Adversarial, i))) * factor;
        var terms = new TradesLoss(new() { Beta = beta, KlReduction = reduction }).Compute(world.Inputs);
        terms.Total.ToDouble().Should().BeApproximately(world.CrossEntropy(world.Clean) + beta * self, 1e-12);
        terms.Parts.Keys.Should().BeEquivalentTo("ce", "self-kl");
        terms.Parts[LossTerms.SelfKl].ToDouble().Should().BeApproximately(self, 1e-12);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(0)]
    public void Mart_FollowsTheFormula(double lambda)
    {
        using var scope = NewDisposeScope();
        var world = new World();
        var margin = world.Mean(i => -Math.Log(1.0001 - world.P(world.Adversarial, i).Where((_, k) => k != world.Labels[i]).Max() + 1e-12));
        var self = world.Mean(i =>
        {
            var (q, p) = (world.P(world.Clean, i), world.P(world.Adversarial, i));
            return q.Select((value, k) => value * (Math.Log(value) - Math.Log(p[k] + 1e-12))).Sum() * (1.0000001 - q[world.Labels[i]]);
        });
        var terms = new MartLoss(new() { Lambda = lambda }).Compute(world.Inputs);
        terms.Total.ToDouble().Should().BeApproximately(world.CrossEntropy(world.Adversarial) + margin + lambda * self, 1e-12);
        terms.Parts.Keys.Should().BeEquivalentTo("ce", "margin", "self-kl");
        terms.Parts[LossTerms.Margin].ToDouble().Should().BeApproximately(margin, 1e-12);
    }

    [Theory]
    [InlineData(5.0 / 6, KlReduction.BatchMean, 1)]
    [InlineData(0.25, KlReduction.ElementMean, 1.0 / LossData.Classes)]
    [InlineData(0, KlReduction.BatchMean, 1)]
    [InlineData(1, KlReduction.BatchMean, 1)]
    public void Rslad_FollowsTheFormula(double share, KlReduction reduction, double factor)
    {
        using var scope = NewDisposeScope();
        var world = new World();
        var adversarial = world.Mean(i => LossReference.Kl(world.P(world.Teacher, i), world.P(world.Adversarial, i))) * factor;
        var clean = world.Mean(i => LossReference.Kl(world.P(world.Teacher, i), world.P(world.Clean, i))) * factor;
        var terms = new RsladLoss(new() { AdversarialWeight = share, KlReduction = reduction }).Compute(world.Inputs);
        terms.Total.ToDouble().Should().BeApproximately(share * adversarial + (1 - share) * clean, 1e-12);
        (terms.Parts[LossTerms.Kl].ToDouble() - adversarial, terms.Parts[LossTerms.CleanKl].ToDouble() - clean).Should().Match<(double A, double B)>(d => Math.Abs(d.A) < 1e-12 && Math.Abs(d.B) < 1e-12);
    }

    [Theory]
    [InlineData(59, 0.1, 1, 1, false)]
    [InlineData(60, 0.1, 1, 1, false)]
    [InlineData(61, 0.3, 0.6, 3, false)]
    [InlineData(61, 0.3, 0.6, 3, true)]
    [InlineData(59, 0.3, 0.6, 3, true)]
    [InlineData(60, 0, 1, 1, true)]
    public void IadOne_FollowsTheFormula(int epoch, double beta, double alpha, double t, bool weigh)
    {
        using var scope = NewDisposeScope();
        var world = new World();
        var begun = epoch >= 60;
        double Trust(int i) => begun ? Math.Pow(world.P(world.Judge, i)[world.Labels[i]], beta) : 1;
        var expected = alpha * t * t * world.Mean(i => LossReference.Kl(world.P(world.Teacher, i, t), world.P(world.Adversarial, i, t)) * (weigh ? Trust(i) : 1))
            + alpha * world.Mean(i => (1 - Trust(i)) * LossReference.Kl(world.P(world.Clean, i), world.P(world.Adversarial, i)))
            + (1 - alpha) * world.CrossEntropy(world.Clean);
        var terms = new IadLoss(new() { Beta = beta, Alpha = alpha, Temperature = t, WeighTeacher = weigh }).Compute(world.Inputs with { Epoch = epoch });
        terms.Total.ToDouble().Should().BeApproximately(expected, 1e-12);
        string[] parts = ["kl", .. begun ? new[] { "self-kl", "trust" } : [], .. alpha < 1 ? new[] { "ce" } : []];
        terms.Parts.Keys.Should().BeEquivalentTo(parts);
        if (begun) terms.Parts[LossTerms.Trust].ToDouble().Should().BeApproximately(world.Mean(Trust), 1e-12);
    }

    [Theory]
    [InlineData(39, 0.5, 0.25, 1)]
    [InlineData(40, 0.5, 0.25, 1)]
    [InlineData(40, 0.2, 0.7, 3)]
    [InlineData(40, 0.4, 0.6, 1)]
    public void IadTwo_FollowsTheFormula(int epoch, double first, double second, double t)
    {
        using var scope = NewDisposeScope();
        var world = new World();
        double Trust(int i) => epoch >= 40 ? Math.Pow(world.P(world.Judge, i)[world.Labels[i]], 0.1) : 1;
        var own = world.Mean(i => Trust(i) * LossReference.Kl(world.P(world.Judge, i, t), world.P(world.Adversarial, i, t))
            + (1 - Trust(i)) * LossReference.Kl(world.P(world.Clean, i), world.P(world.Adversarial, i)));
        var standard = world.Mean(i => LossReference.Kl(world.P(world.Standard, i, t), world.P(world.Adversarial, i, t)));
        var expected = (1 - first - second) * world.CrossEntropy(world.Adversarial) + first * t * t * own + second * t * t * standard;
        var terms = new IadTwoTeacherLoss(new() { RobustWeight = first, StandardWeight = second, Temperature = t }).Compute(world.Inputs with { Epoch = epoch });
        terms.Total.ToDouble().Should().BeApproximately(expected, 1e-12);
        terms.Parts[LossTerms.StandardKl].ToDouble().Should().BeApproximately(t * t * standard, 1e-12);
        terms.Parts.ContainsKey(LossTerms.SelfKl).Should().Be(epoch >= 40);
    }

    [Theory]
    [InlineData(0.3, 0.1, 0.6, 2)]
    [InlineData(0.25, 0.25, 0.5, 1)]
    [InlineData(0, 0, 1, 4)]
    public void Akd2_FollowsTheFormula(double hard, double standard, double robust, double t)
    {
        using var scope = NewDisposeScope();
        var world = new World();
        double Soft(double[][] teacher) => t * t * world.Mean(i => -world.P(teacher, i, t).Zip(world.P(world.Adversarial, i, t), (q, p) => q * Math.Log(p)).Sum());
        var loss = new Akd2Loss(new() { CrossEntropyWeight = hard, StandardWeight = standard, RobustWeight = robust, Temperature = t });
        var terms = loss.Compute(world.Inputs);
        terms.Total.ToDouble().Should().BeApproximately(hard * world.CrossEntropy(world.Adversarial) + standard * Soft(world.Standard) + robust * Soft(world.Judge), 1e-12);
        terms.Parts.Keys.Should().BeEquivalentTo("ce", "soft-ce", "soft-ce/standard");
        terms.Parts[LossTerms.SoftCrossEntropy].ToDouble().Should().BeApproximately(Soft(world.Judge), 1e-12);
    }

    [Fact]
    public void Objectives_StudentThatEqualsItselfAndItsTeacher_HaveTheirClosedForms()
    {
        // All logits alike: every divergence is 0 and every probability 1/K.
        using var scope = NewDisposeScope();
        var pass = new Ardir.Core.TappedOutput(zeros(3, LossData.Classes, ScalarType.Float64));
        var inputs = LossData.Map(LossData.All(3), _ => pass) with { Labels = tensor(new long[] { 0, 2, 4 }), Epoch = 100 };
        var uniform = Math.Log(LossData.Classes);
        void Is(IDistillationLoss loss, double expected) => LossData.Value(loss, inputs).Should().BeApproximately(expected, 1e-12, loss.Name);
        Is(new TradesLoss(), uniform);
        // The floor of the logarithm in MART: log p' is log(1/5 + 1e-12).
        Is(new MartLoss(), uniform - Math.Log(1.0001 - 0.2 + 1e-12) + 5 * (Math.Log(0.2) - Math.Log(0.2 + 1e-12)) * (1.0000001 - 0.2));
        Is(new RsladLoss(), 0);
        Is(new IadLoss(), 0);
        Is(new IadTwoTeacherLoss(), 0.25 * uniform);
        Is(new Akd2Loss(), 0.3 * uniform + 0.7 * 4 * uniform);
    }

    public static TheoryData<string> Published => ["TRADES", "MART", "RSLAD", "IAD-I", "IAD-I begun", "IAD-II", "AKD2"];

    [Theory, MemberData(nameof(Published))]
    public void Compute_Gradient_AgreesWithFiniteDifferences(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        foreach (var epoch in new[] { 0, 100 })
        {
            var inputs = LossData.All(3) with { Epoch = epoch };
            GradientCheck.Agrees(logits => loss.Compute(inputs with { StudentAdversarial = new(logits) }).Total, inputs.StudentAdversarial!.Output, 1e-7);
            // What does not reach the loss has no gradient to ask autograd for.
            if (loss.Needs.Passes.Contains(NetworkPass.StudentClean) && !(epoch == 0 && name is "IAD-I" or "IAD-II"))
                GradientCheck.Agrees(logits => loss.Compute(inputs with { StudentClean = new(logits) }).Total, inputs.StudentClean!.Output, 1e-7);
        }
    }

    [Theory]
    [InlineData("TRADES", true)]
    [InlineData("TRADES", false)]
    [InlineData("IAD-I", true)]
    [InlineData("IAD-I", false)]
    [InlineData("IAD-II", true)]
    [InlineData("IAD-II", false)]
    public void Compute_DetachClean_KeepsTheDivergenceFromMovingTheCleanAnswer(string name, bool detach)
    {
        using var scope = NewDisposeScope();
        IDistillationLoss loss = name switch
        {
            "TRADES" => new TradesLoss(new() { DetachClean = detach }),
            "IAD-I" => new IadLoss(new() { DetachClean = detach }),
            _ => new IadTwoTeacherLoss(new() { DetachClean = detach }),
        };
        var inputs = LossData.All(4) with { Epoch = 100 };
        var (clean, adversarial) = (inputs.StudentClean!.Output.requires_grad_(), inputs.StudentAdversarial!.Output.requires_grad_());
        loss.Compute(inputs).Total.backward();
        adversarial.grad!.abs().sum().ToDouble().Should().BePositive();
        // In TRADES the cross-entropy still moves it.
        using var expected = name == "TRADES" && detach
            ? (clean.detach().softmax(1) - nn.functional.one_hot(inputs.Labels, LossData.Classes)) / 4
            : zeros_like(clean);
        if (detach) TensorAssert.Close(clean.grad ?? zeros_like(clean), expected, 1e-12);
        else TensorAssert.Different(clean.grad!, (clean.detach().softmax(1) - nn.functional.one_hot(inputs.Labels, LossData.Classes)) / 4);
    }

    [Theory, MemberData(nameof(Published))]
    public void Compute_PassOfAnotherShape_NamesBothShapes(string name)
    {
        using var scope = NewDisposeScope();
        var loss = LossCases.Make(name);
        var inputs = LossData.All(3);
        var other = new Ardir.Core.TappedOutput(LossData.Logits(3, 9, classes: 4));
        var wrong = name == "MART" || name == "TRADES" ? inputs with { StudentClean = other }
            : name == "RSLAD" ? inputs with { TeacherClean = other }
            : inputs with { TeacherOnStudentAdversarial = other };
        loss.Invoking(l => l.Compute(wrong)).Should().Throw<ArgumentException>().WithMessage("*[3,4]*").WithMessage("*[3,5]*");
    }

    /// <summary>The passes as rows of doubles.</summary>
    private sealed class World
    {
        public World() => Inputs = LossData.All(Samples);

        public DistillationInputs Inputs { get; }

        public double[][] Clean => LossReference.Rows(Inputs.StudentClean!.Output);

        public double[][] Adversarial => LossReference.Rows(Inputs.StudentAdversarial!.Output);

        public double[][] Teacher => LossReference.Rows(Inputs.TeacherClean!.Output);

        public double[][] Judge => LossReference.Rows(Inputs.TeacherOnStudentAdversarial!.Output);

        public double[][] Standard => LossReference.Rows(Inputs.StandardTeacherOnStudentAdversarial!.Output);

        public long[] Labels => TensorAssert.Longs(Inputs.Labels);

        public double[] P(double[][] pass, int sample, double temperature = 1) => LossReference.Softmax(pass[sample], temperature);

        public double Mean(Func<int, double> value) => Enumerable.Range(0, Samples).Average(value);

        public double CrossEntropy(double[][] pass) => Mean(i => LossReference.CrossEntropy(pass[i], Labels[i]));
    }
}
