// Compiled against the packed packages by PackedPackagesTests: a user's own project, not part of the test assembly.
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Ardir.Distributed;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

torch.set_num_threads(1);
AttackAModel();
MeasureRobustness(args[0]);
DistilInOwnLoop();
LetTheLibraryTrain(args[0]);
WeightsAndData(args[0]);
OwnLossAttackAndData(args[0]);
OwnCopies.Run(args[0]);
await HostedService(args[0]);
Console.WriteLine($"arguments of native calls are kept alive: {TorchSharpRuntime.KeepsArgumentsAlive}");
Documents.Run(args[0]);
SeveralProcesses();
Console.WriteLine("all programs ran");

static Module OwnNetwork(long seed)
{
    torch.manual_seed(seed);
    return nn.Sequential(
        ("layer1", nn.Sequential(("conv", nn.Conv2d(1, 4, 3, padding: 1)), ("relu", nn.ReLU(inplace: true)))),
        ("layer2", nn.Conv2d(4, 8, 3, stride: 2, padding: 1)),
        ("flatten", nn.Flatten()),
        ("linear", nn.Linear(8 * 4 * 4, 3)));
}

static (Tensor Images, Tensor Labels) Data(long count) => (rand(count, 1, 8, 8), randint(3, [count], ScalarType.Int64));

// Section 1
static void AttackAModel()
{
    using var model = OwnNetwork(1);
    var (images, labels) = Data(8);
    using var source = new CancellationTokenSource();
    var (token, logger, progress) = (source.Token, (ILogger)NullLogger.Instance, new Progress<AttackProgress>());

    var threat = ThreatModel.Linf(8 / 255.0);
    IAttack pgd = new PgdAttack(threat, new PgdOptions { Steps = 20, StepSize = 2 / 255.0, Restarts = 1 });
    using Tensor adversarial = pgd.Perturb(model, images, labels);
    using Tensor again = new FgsmAttack(threat).Perturb(model, images, labels, new AttackContext { Seed = 7, CancellationToken = token, Logger = logger, Progress = progress });

    using var distance = threat.Distance(images, adversarial);
    Console.WriteLine($"{pgd.Name} {pgd.Threat} moved {distance.max().ToDouble()}");
    if (distance.max().ToDouble() is not (> 0 and < 0.0314) || !threat.Contains(images, again).all().ToBoolean()) throw new InvalidOperationException("section 1");
}

// Section 2
static void MeasureRobustness(string folder)
{
    using var model = OwnNetwork(1);
    var (images, labels) = Data(4);
    var (threat, context) = (ThreatModel.Linf(8 / 255.0), new AttackContext());

    var attack = new AutoAttack(threat, new AutoAttackOptions { Version = AutoAttackVersion.Standard, BatchSize = 256, Seed = 0, StatePath = Path.Combine(folder, "run.state") });
    using RobustnessReport report = attack.Evaluate(model, images, labels, context);
    foreach (AttackSummary a in report.Attacks) Console.WriteLine($"{a.Name} {a.RobustAccuracyAfter} {a.Attacked} {a.Broken} {a.SampleForwards} {a.SampleBackwards} {a.Elapsed}");
    Console.WriteLine($"{report.Robust.Count} {report.Adversarial.shape[0]} {report.Findings.Count}");
    report.SaveJson(Path.Combine(folder, "r.json"));
    report.SaveMarkdown(Path.Combine(folder, "r.md"));
    report.SaveHtml(Path.Combine(folder, "r.html"));
    if (report.RobustAccuracy > report.CleanAccuracy || report.Attacks.Count != 4) throw new InvalidOperationException("section 2");
}

// Section 3
static void DistilInOwnLoop()
{
    using var student = OwnNetwork(2);
    using var teacher = OwnNetwork(3);
    var optimizer = optim.SGD(student.parameters().ToArray(), 0.05, momentum: 0.9);
    var pgd = new PgdAttack(ThreatModel.Linf(0.1));
    var batches = Enumerable.Range(0, 4).Select(_ => Data(16)).ToList();

    using IFeatureTap studentTap = FeatureTap.Attach(student, "layer1", "layer2");
    using IFeatureTap teacherTap = FeatureTap.AttachFrozen(teacher, "layer*");
    var ardir = new ArdirLoss(new ArdirLossOptions { Beta = 0.6, Kl = new() { Temperature = 1 } });
    var losses = new List<double>();
    for (var epoch = 0; epoch < 5; epoch++)
    {
        foreach (var (x, y) in batches)
        {
            using var scope = torch.NewDisposeScope();
            Tensor adversarial = pgd.Perturb(student, x, y);
            student.train();
            LossTerms loss = ardir.Compute(studentTap.Forward(adversarial), teacherTap.Forward(x), y);
            optimizer.zero_grad(); loss.Total.backward(); optimizer.step();
            losses.Add(loss.Total.ToDouble());
        }
    }
    Console.WriteLine(FeatureTap.ListLayers(student));
    Console.WriteLine($"loss {losses[0]} to {losses[^1]}");
    if (losses[^1] >= losses[0]) throw new InvalidOperationException("section 3");
}

// Section 4
static void LetTheLibraryTrain(string folder)
{
    using var student = OwnNetwork(4);
    using var teacher = OwnNetwork(5);
    using var trainSet = new ImageDataset(randint(256, [64, 1, 8, 8], ScalarType.Byte), randint(3, [64], ScalarType.Int64));
    using var validationSet = trainSet.Take(32);
    var pgd20 = new PgdAttack(ThreatModel.Linf(0.05), new PgdOptions { Steps = 20 });
    IProgress<TrainingProgress> progress = new Progress<TrainingProgress>();
    var cancellationToken = CancellationToken.None;

    using var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(), new TrainerOptions {
        Epochs = 3, BatchSize = 128, LearningRate = 0.1, Milestones = [1, 2], Optimizer = new SgdOptimizer { Momentum = 0.9, WeightDecay = 5e-4 },
        Crafting = new PrescribedCrafting(ThreatModel.Linf(0.05)), SelectionAttack = pgd20, Device = torch.CPU, CheckpointDirectory = folder, Seed = 1 });
    TrainingResult result = trainer.Fit(trainSet, validationSet, progress, cancellationToken);
    Console.WriteLine($"{result.Best.Epoch} {result.Best.RobustAccuracy} {result.Last.TrainLoss} {result.Epochs.Count}");
    if (result.Epochs.Count != 3 || !File.Exists(Path.Combine(folder, "last.safetensors"))) throw new InvalidOperationException("section 4");
}

// Section 5
static void WeightsAndData(string folder)
{
    using var student = PreActResNet.Create(new PreActResNetOptions { Widths = [4, 6], BlocksPerStage = 1 });
    using var teacher = PreActResNet.Create(new PreActResNetOptions { Widths = [4, 6], BlocksPerStage = 1 });
    var (torchFile, safetensors) = (Path.Combine(folder, "teacher.pt"), Path.Combine(folder, "student.safetensors"));
    teacher.SaveTorch(torchFile);

    LoadReport r = student.LoadWeights(torchFile);
    student.SaveSafetensors(safetensors);
    using StateDict weights = StateDict.Read(safetensors);
    Module net = PreActResNet.Create18(classes: 10);
    using Module wide = WideResNet.Create(depth: 10, widen: 1, classes: 10);
    using Module ready = new Normalize([0.4914, 0.4822, 0.4465], [0.2471, 0.2435, 0.2616], net);
    if (!r.IsComplete || weights.Count != r.Loaded.Count) throw new InvalidOperationException("section 5");
    try
    {
        using ImageDataset train = ImageDataset.Cifar10(Path.Combine(folder, "no-such-folder"), Split.Train);
        throw new InvalidOperationException("section 5: there is no such folder");
    }
    catch (IOException e)
    {
        Console.WriteLine(e.Message);
    }
}

// docs/add-a-loss.md, add-an-attack.md, add-a-threat.md and add-a-dataset.md, whose code is compiled beside this file
static void OwnLossAttackAndData(string folder)
{
    using var student = OwnNetwork(6);
    var (threat, file) = (ThreatModel.Linf(0.05), Path.Combine(folder, "images.csv"));
    // Class k has its columns from 2k on bright.
    File.WriteAllLines(file, Enumerable.Range(0, 48).Select(i => $"{i % 3},{string.Join(',', Enumerable.Range(0, 64).Select(p => p % 8 / 3 == i % 3 ? 180 + i : 40 + i))}"));
    using ImageDataset train = CsvImages.Read(file, 1, 8, 8);
    if (train.Count != 48 || train.ClassNames.Count != 3 || train.Images[5, 0, 7, 7].ToInt32() != 185) throw new InvalidOperationException("own data set");
    File.WriteAllText(Path.Combine(folder, "short.csv"), "0,1,2");
    try
    {
        CsvImages.Read(Path.Combine(folder, "short.csv"), 1, 8, 8);
        throw new InvalidOperationException("own data set: the file is short");
    }
    catch (DataFormatException e)
    {
        Console.WriteLine(e.Message);
    }

    var attack = new BasicIterativeAttack(threat);
    var (images, labels) = train.Batch([.. Enumerable.Range(0, 48).Select(i => (long)i)]);
    using (Tensor adversarial = attack.Perturb(student, images, labels))
    using (Tensor distance = threat.Distance(images, adversarial))
        if (!threat.Contains(images, adversarial).all().ToBoolean() || distance.min().ToDouble() < 0.049) throw new InvalidOperationException("own attack");

    using Tensor mask = arange(64).reshape(1, 8, 8) % 2 == 0;
    var masked = new MaskThreat(mask, 0.05);
    using (Tensor adversarial = new PgdAttack(masked).Perturb(student, images, labels))
    using (Tensor moved = (adversarial != images).sum(dim: 0))
        if (!masked.Contains(images, adversarial).all().ToBoolean() || moved[0, 0, 0].ToInt64() == 0 || moved[0, 0, 1].ToInt64() > 0)
            throw new InvalidOperationException("own threat");

    var loss = new WeightedSumLoss((1, new LogitPairingLoss()), (0.1, new TradesLoss()));
    using var trainer = new DistillationTrainer(student, null, loss, new TrainerOptions { Epochs = 6, BatchSize = 16, LearningRate = 0.05, Crafting = new PrescribedCrafting(threat), SelectionAttack = attack });
    TrainingResult result = trainer.Fit(train, train);
    Console.WriteLine($"{loss.Name}: {result.Epochs[0].TrainLoss} to {result.Last.TrainLoss}, {string.Join(' ', result.Last.Terms.Keys)}, {attack.Name} {result.Best.RobustAccuracy}");
    if (!(result.Last.TrainLoss < result.Epochs[0].TrainLoss) || !result.Last.Terms.ContainsKey("pairing")) throw new InvalidOperationException("own loss");
}

// docs/hosting.md: stopped at some point and started again in a process that knows nothing of it but the folder, it ends as if it had run through.
static async Task HostedService(string folder)
{
    using var data = new ImageDataset(randint(256, [32, 1, 8, 8], ScalarType.Byte), randint(3, [32], ScalarType.Int64));
    string[] folders = [Path.Combine(folder, "hosted"), Path.Combine(folder, "hosted-twice")];
    foreach (var each in folders) Directory.CreateDirectory(each);

    using (var stopped = OwnNetwork(7))
    using (var service = new RobustnessService(stopped, data, folders[1], NullLogger<RobustnessService>.Instance))
    {
        await service.StartAsync(CancellationToken.None);
        while (!File.Exists(Path.Combine(folders[1], "training", "last.safetensors"))) await Task.Delay(1);
        await service.StopAsync(CancellationToken.None);
        Console.WriteLine($"hosted service: {service.ExecuteTask!.Status} after {service.Accuracies.Count} of 3 evaluations");
    }
    var results = new List<string>();
    foreach (var each in folders)
    {
        using var model = OwnNetwork(7);
        using var service = new RobustnessService(model, data, each, NullLogger<RobustnessService>.Instance);
        await service.StartAsync(CancellationToken.None);
        await service.ExecuteTask!;
        var weights = string.Concat(model.state_dict().Select(pair => Convert.ToHexString(pair.Value.bytes)));
        results.Add($"{string.Join(' ', service.Accuracies.OrderBy(pair => pair.Key))} {weights}");
    }
    Console.WriteLine(results[0][..80]);
    if (results[0] != results[1] || results[0].Count(c => c == '[') != 3) throw new InvalidOperationException("hosted service");
}

// src/Ardir.Distributed/README.md, as a single rank where there is an MPI library
static void SeveralProcesses()
{
    try
    {
        var code = MpiCollective.Run(ranks =>
        {
            using var count = torch.tensor(new[] { 1.0 });
            ranks.AllReduce(count);
            Console.WriteLine($"ranks by MPI: {count.item<double>()} with {ranks.Library}");
            return 5;
        });
        if (code != 5) throw new InvalidOperationException("exit code");
    }
    catch (MpiException e) when (e.Message.StartsWith("No MPI library", StringComparison.Ordinal))
    {
        Console.WriteLine($"ranks by MPI: none. {e.Message}");
    }
}
