// Compiled against the packed packages by PackedPackagesTests, beside copies of the library's attacks and losses: each computes bit for bit what its original does.
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Copies;
using TorchSharp;
using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

internal static class OwnCopies
{
    private static readonly ThreatModel[] _threats = [ThreatModel.Linf(0.05), ThreatModel.L2(0.5), ThreatModel.L1(4)];

    public static void Run(string folder)
    {
        using var scope = NewDisposeScope();
        using var model = Network(1);
        torch.manual_seed(2);
        var images = rand(16, 1, 8, 8);
        var labels = model.call(images).argmax(1);
        foreach (var threat in _threats)
            foreach (var (attack, copy) in Attacks(threat)) SamePoints(model, images, labels, attack, copy);
        SameEnsemble(model, images, labels, folder);
        SameLosses(model, images, labels);
    }

    private static IEnumerable<(IAttack Attack, IAttack Copy)> Attacks(ThreatModel threat)
    {
        yield return (new FgsmAttack(threat), new CopiedFgsmAttack(threat));
        yield return (
            new FgsmAttack(threat, new FgsmOptions { Start = RandomStart.Uniform }),
            new CopiedFgsmAttack(threat, new CopiedFgsmOptions { Start = RandomStart.Uniform }));
        yield return (new PgdAttack(threat), new CopiedPgdAttack(threat));
        yield return (
            new PgdAttack(threat, new PgdOptions { Steps = 5, Restarts = 3, Selection = PgdSelection.FirstSuccess }),
            new CopiedPgdAttack(threat, new CopiedPgdOptions { Steps = 5, Restarts = 3, Selection = CopiedPgdSelection.FirstSuccess }));
        yield return (new EotAttack(new PgdAttack(threat), 2), new EotAttack(new CopiedPgdAttack(threat), 2));
        yield return (new EotAttack(new PgdAttack(threat), 3), new CopiedEotAttack(new CopiedPgdAttack(threat), 3));
        yield return (new MiFgsmAttack(threat), new CopiedMiFgsmAttack(threat));
        foreach (var units in Units(threat)) yield return units;
        if (threat is not NormThreatModel { Norm: PerturbationNorm.L2 }) yield break;
        yield return (new DeepFoolAttack(threat), new CopiedDeepFoolAttack(threat));
        yield return (
            new CarliniWagnerAttack(threat, new CarliniWagnerOptions { SearchSteps = 2, Iterations = 20 }),
            new CopiedCarliniWagnerAttack(threat, new CopiedCarliniWagnerOptions { SearchSteps = 2, Iterations = 20 }));
    }

    private static IEnumerable<(IAttack Attack, IAttack Copy)> Units(ThreatModel threat)
    {
        yield return (
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 10, Restarts = 2 } }),
            new CopiedApgdAttack(threat, new CopiedApgdOptions { Search = new() { Iterations = 10, Restarts = 2 } }));
        yield return (
            new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 10 } }),
            new CopiedTargetedApgdAttack(threat, new CopiedTargetedApgdOptions { Search = new() { Iterations = 10 } }));
        yield return (
            new FabAttack(threat, new FabOptions { Iterations = 10, Restarts = 2 }),
            new CopiedFabAttack(threat, new CopiedFabOptions { Iterations = 10, Restarts = 2 }));
        yield return (
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 10 } }),
            new CopiedTargetedFabAttack(threat, new CopiedTargetedFabOptions { Search = new() { Iterations = 10 } }));
        yield return (
            new SquareAttack(threat, new SquareOptions { Queries = 50 }),
            new CopiedSquareAttack(threat, new CopiedSquareOptions { Queries = 50 }));
    }

    private static void SamePoints(Module model, Tensor images, Tensor labels, IAttack attack, IAttack copy)
    {
        var context = new AttackContext { Seed = 7, SampleIndices = [.. Enumerable.Range(0, 16).Select(i => 100L + i)] };
        using Tensor expected = attack.Perturb(model, images, labels, context), found = copy.Perturb(model, images, labels, context);
        Same($"{copy.Name} {copy.Threat}", found, expected);
        if (expected.bytes.SequenceEqual(images.bytes)) throw new InvalidOperationException($"{attack.Name} {attack.Threat} changes no image.");
    }

    /// <summary>Inside AutoAttack, in one go and interrupted.</summary>
    private static void SameEnsemble(Module model, Tensor images, Tensor labels, string folder)
    {
        var pairs = Units(_threats[0]).ToList();
        using var expected = Ensemble([.. pairs.Select(pair => pair.Attack)], null).Evaluate(model, images, labels);
        var copies = pairs.Select(pair => pair.Copy).ToList();
        using (var report = Ensemble(copies, null).Evaluate(model, images, labels)) Same(report, expected);

        var state = Path.Combine(folder, "copies.state");
        using (var source = new CancellationTokenSource())
        {
            // In the middle of the third attack.
            var stop = new Stop(report => report.Attack == copies[2].Name && report.Step == 5, source);
            try
            {
                Ensemble(copies, state).Evaluate(model, images, labels, new AttackContext { Progress = stop, CancellationToken = source.Token });
                throw new InvalidOperationException("The evaluation of the copies was not interrupted.");
            }
            catch (OperationCanceledException)
            {
            }
        }
        using (var resumed = Ensemble(copies, state).Evaluate(model, images, labels)) Same(resumed, expected);
        Console.WriteLine($"copies in AutoAttack: {expected.RobustAccuracy} robust, as the originals");
        if (expected.RobustAccuracy is not (> 0 and < 1)) throw new InvalidOperationException("The copies in AutoAttack prove nothing.");
    }

    private static AutoAttack Ensemble(IReadOnlyList<IAttack> attacks, string? state) => new(
        _threats[0], new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = attacks, StatePath = state, BatchSize = 5, Seed = 3 });

    private static void Same(RobustnessReport report, RobustnessReport expected)
    {
        Same("AutoAttack", report.Adversarial, expected.Adversarial);
        foreach (var (summary, original) in report.Attacks.Zip(expected.Attacks))
            if (summary with { Elapsed = original.Elapsed } != original) throw new InvalidOperationException($"{summary} is not {original}.");
    }

    private static IEnumerable<(IDistillationLoss Loss, IDistillationLoss Copy)> Losses() =>
    [
        (new StandardTrainingLoss(), new CopiedStandardTrainingLoss()), (new AdversarialTrainingLoss(), new CopiedAdversarialTrainingLoss()),
        (new TradesLoss(), new CopiedTradesLoss()), (new MartLoss(), new CopiedMartLoss()), (new KdLoss(), new CopiedKdLoss()),
        (new ArdLoss(), new CopiedArdLoss()), (new RsladLoss(), new CopiedRsladLoss()), (new Akd2Loss(), new CopiedAkd2Loss()),
        (new IadLoss(), new CopiedIadLoss()), (new IadTwoTeacherLoss(), new CopiedIadTwoTeacherLoss()),
        (new KlDivergenceLoss(), new CopiedKlDivergenceLoss()), (new LpipsInternalLoss(), new CopiedLpipsInternalLoss()),
        (new FitNetsLoss(), new CopiedFitNetsLoss()), (new ArdirLoss(), new CopiedArdirLoss()),
        (new WeightedSumLoss((1, new MartLoss()), (0.5, new LpipsInternalLoss())),
            new CopiedWeightedSumLoss((1, new CopiedMartLoss()), (0.5, new CopiedLpipsInternalLoss()))),
    ];

    private static void SameLosses(Module student, Tensor images, Tensor labels)
    {
        using var teacher = Network(3);
        var threat = _threats[0];
        SamePoints(
            student, images, labels, new PgdAttack(threat, new PgdOptions { Loss = new ArdirAttackLoss(student, teacher) }),
            new CopiedPgdAttack(threat, new CopiedPgdOptions { Loss = new CopiedArdirAttackLoss(student, teacher) }));

        using var mine = FeatureTap.Attach(student, "layer*");
        using var other = FeatureTap.AttachFrozen(teacher, "layer*");
        var adversarial = images.add(0.05).clamp_(0, 1);
        // Some losses change with the epoch.
        foreach (var epoch in new[] { 0, 100 })
            foreach (var (loss, copy) in Losses())
            {
                var (expected, found) = (Gradients(loss, epoch), Gradients(copy, epoch));
                for (var i = 0; i < expected.Length; i++) Same($"{copy.Name} in epoch {epoch}, value {i}", found[i], expected[i]);
            }

        // The total, then the gradient of every parameter that has one.
        Tensor[] Gradients(IDistillationLoss loss, int epoch)
        {
            var terms = loss.Compute(new DistillationInputs
            {
                Labels = labels,
                Epoch = epoch,
                StudentClean = mine.Forward(images),
                StudentAdversarial = mine.Forward(adversarial),
                TeacherClean = other.Forward(images),
                TeacherAdversarial = other.Forward(images.sub(0.05).clamp_(0, 1)),
                TeacherOnStudentAdversarial = other.Forward(adversarial),
                StandardTeacherOnStudentAdversarial = other.Forward(adversarial.square()),
            });
            student.zero_grad();
            terms.Total.backward();
            return [terms.Total.detach(), .. student.parameters().Select(parameter => parameter.grad).OfType<Tensor>().Select(g => g.clone())];
        }
    }

    private static void Same(string what, Tensor found, Tensor expected)
    {
        if (!found.bytes.SequenceEqual(expected.bytes)) throw new InvalidOperationException($"{what}: the copy computes something else.");
    }

    private static Module Network(long seed)
    {
        torch.manual_seed(seed);
        return nn.Sequential(
            ("layer1", nn.Sequential(("conv", nn.Conv2d(1, 4, 3, padding: 1)), ("relu", nn.ReLU()))),
            ("layer2", nn.Conv2d(4, 8, 3, stride: 2, padding: 1)),
            ("flatten", nn.Flatten()), ("linear", nn.Linear(8 * 4 * 4, 5)));
    }

    /// <summary>Cancels at once, unlike <see cref="Progress{T}"/>, which reports on another thread.</summary>
    private sealed class Stop(Func<AttackProgress, bool> when, CancellationTokenSource source) : IProgress<AttackProgress>
    {
        public void Report(AttackProgress value)
        {
            if (when(value)) source.Cancel();
        }
    }
}
