-- AlterTable
ALTER TABLE "session" ADD COLUMN     "app" TEXT;
